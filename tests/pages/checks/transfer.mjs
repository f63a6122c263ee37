// The bytes of a first view, counted where they pass: a relay between the browser and the app.

import { once } from 'node:events';
import { connect, createServer } from 'node:net';

export const BUDGET = 30_000;

export async function startRelay(to) {
  const counted = { sent: 0, received: 0 };
  const sockets = new Set();
  const server = createServer((browser) => {
    const app = connect(to, '127.0.0.1');
    for (const socket of [browser, app]) {
      sockets.add(socket);
      socket.on('error', () => socket.destroy());
      socket.on('close', () => { sockets.delete(socket); browser.destroy(); app.destroy(); });
    }
    browser.on('data', (bytes) => { counted.sent += bytes.length; });
    app.on('data', (bytes) => { counted.received += bytes.length; });
    browser.pipe(app).pipe(browser);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: server.address().port,
    counted,
    stop() {
      server.close();
      sockets.forEach((socket) => socket.destroy());
    },
  };
}

// The bytes of one view with an empty cache: requests and answers with their headers, of the page and of all it names.
export async function firstView(page, url, counted) {
  const session = await page.createCDPSession();
  await session.send('Network.clearBrowserCache');
  await session.detach();
  const asked = [];
  const note = (request) => asked.push(request.url());
  page.on('request', note);
  const before = { ...counted };
  await page.goto(url, { waitUntil: 'networkidle0' });
  page.off('request', note);
  const named = await page.$$eval('link[href], script[src], img[src]', (all) => all.map(({ href, src }) => href ?? src));
  // Only what is asked for is counted, and it depends on the browser when it asks for the icon of a tab.
  return {
    sent: counted.sent - before.sent,
    received: counted.received - before.received,
    missing: named.filter((asset) => !asked.includes(asset)),
  };
}
