// The first view of the main pages: Lighthouse's scores and the bytes on the wire.

import { freePort } from '../free_port.mjs';
import { startApp } from './app.mjs';
import { scores } from './checks/lighthouse.mjs';
import { BUDGET, firstView, startRelay } from './checks/transfer.mjs';
import { signIn } from './visit.mjs';

const VIEWS = [
  { path: '/' },
  { path: '/me', user: 'full' },
  { path: '/flow', user: 'full' },
  { path: '/sheets/2331373580117892', user: 'full' },
];
const DEVICES = ['mobile', 'desktop'];

export async function checkViews(browser, program, report) {
  const port = await freePort();
  const relay = await startRelay(port);
  const app = await startApp(program, { port, publicPort: relay.port });
  const page = await browser.newPage();
  try {
    // In this order: who is signed in stays so.
    for (const { path, user } of VIEWS) {
      if (user) await signIn(page, app, user);
      const url = `${app.url}${path}`;
      await check(report, `bytes of a first view of ${path}`, () => bytes(page, url, relay.counted));
      for (const device of DEVICES) {
        await check(report, `Lighthouse on ${path}, ${device}`, () => scores(() => browser.newPage(), url, device));
      }
    }
  } finally {
    await page.close();
    relay.stop();
    await app.stop();
  }
}

async function bytes(page, url, counted) {
  const { sent, received, missing } = await firstView(page, url, counted);
  const problems = missing.map((asset) => `${asset} was not counted`);
  if (sent + received > BUDGET) problems.push(`more than ${BUDGET} bytes`);
  return { note: `${received} received, ${sent} sent`, problems };
}

async function check(report, name, measure) {
  const { note, problems } = await measure().catch((error) => ({ note: 'not measured', problems: [error.stack] }));
  report(`${name}: ${note}`, 1, problems);
}
