// A visit: an app of its own, a browser profile of its own, and the steps that lead to a state. What the browser asks for
// and complains about meanwhile is written down.

import { freePort } from '../free_port.mjs';
import { startApp, startRegisteredApp } from './app.mjs';
import { serveInPieces } from './pieces.mjs';

export const WIDTHS = [320, 1280];
export const LOOKS = WIDTHS.flatMap((width) => ['light', 'dark'].map((scheme) => ({ width, scheme })));
const HEIGHT = 800;

export class Visit {
  // The requests of every page of this visit: { url, type, from }, `from` being the page's address.
  requests = [];
  // What the browser's console says, and dialogs.
  complaints = [];
  // What serves pages in pieces.
  servers = [];

  static async start(browser, program, state) {
    const visit = new Visit();
    try {
      Object.assign(visit, await servers(program, state));
      visit.context = await browser.createBrowserContext();
      visit.page = await visit.newPage();
      await visit.look(LOOKS[0], 'no-preference');
      await state.reach(visit);
      if (state.details === 'open') await visit.openDetails();
      return visit;
    } catch (error) {
      await visit.end();
      throw error;
    }
  }

  // Where the state was reached: the last page that was not a redirect.
  get answer() {
    return this.page.answer;
  }

  url(path) {
    return new URL(path, this.app.url).href;
  }

  async newPage() {
    // A window of its own: a tab behind another is not painted.
    const page = await this.context.newPage({ type: 'window' });
    page.setDefaultTimeout(60_000);
    page.on('request', (request) => {
      this.requests.push({
        url: request.url(),
        type: request.resourceType(),
        navigation: request.isNavigationRequest(),
        from: page.url(),
      });
    });
    page.on('response', (response) => {
      const request = response.request();
      const redirect = response.status() >= 300 && response.status() < 400;
      if (!request.isNavigationRequest() || request.frame() !== page.mainFrame() || redirect) return;
      page.answer = {
        url: response.url(),
        status: response.status(),
        headers: response.headers(),
        // Asked for at once: it is gone with the next page. Who leaves a page before it is read does not need it.
        body: response.text().catch(() => undefined),
      };
    });
    page.on('console', (message) => {
      const text = message.text();
      const { url } = message.location();
      // The status of the page itself is what the state expects.
      const isOwnStatus = text.includes('the server responded with a status of') && url === page.answer?.url;
      if (['error', 'warn'].includes(message.type()) && !isOwnStatus) {
        this.complaints.push(`${message.type()} in the console: ${text} (${url})`);
      }
    });
    page.on('pageerror', (error) => this.complaints.push(`a script failed: ${error.message}`));
    page.on('dialog', (dialog) => {
      this.complaints.push(`a dialog: ${dialog.message()}`);
      dialog.dismiss();
    });
    return page;
  }

  // With reduced motion nothing is on its way from one colour to the next.
  async look({ width, scheme }, motion = 'reduce', page = this.page) {
    await page.setViewport({ width, height: HEIGHT });
    await page.emulateMediaFeatures([
      { name: 'prefers-color-scheme', value: scheme },
      { name: 'prefers-reduced-motion', value: motion },
    ]);
    await settled(page);
  }

  async openDetails() {
    await this.page.$$eval('details', (all) => all.forEach((details) => { details.open = true; }));
    await settled(this.page);
  }

  // The page as the server sent it, in another window, without asking the server again. In pieces, each of them is painted
  // before the next arrives, as over a slow line.
  async replay(prepare, { inPieces = false } = {}) {
    const page = await this.newPage();
    await prepare(page);
    const { url, status, headers } = this.answer;
    const answer = { status, headers: own(headers), body: await this.answer.body };
    await (inPieces ? this.arrive(page, url, answer) : replace(page, url, answer));
    return page;
  }

  async arrive(page, url, answer) {
    const server = await serveInPieces(url, answer);
    this.servers.push(server);
    const arrived = page.goto(server.url);
    await page.waitForSelector('body > :last-child');
    do await settled(page); while (server.sendPiece());
    await arrived;
  }

  async end() {
    await this.context?.close();
    for (const server of this.servers) server.stop();
    await this.app?.stop();
    await this.smartsheet?.stop();
  }

  // Steps.

  open(path) {
    return this.page.goto(this.url(path));
  }

  click(selector) {
    return follow(this.page, selector);
  }

  // To the consent page; its address.
  async authorize(login = '/login') {
    await this.open(login);
    return this.page.url();
  }

  signIn(user, login) {
    return signIn(this.page, this.app, user, login);
  }

  async deny() {
    await this.authorize();
    await this.click('[name="sandbox_decision"][value="deny"]');
  }

  // The address that Smartsheet would send the browser back to, before it does.
  async callback(user) {
    const authorize = await this.authorize();
    const answer = await fetch(`${authorize}&sandbox_decision=allow&sandbox_user=${user}`, { redirect: 'manual' });
    return answer.headers.get('location');
  }

  async postFromElsewhere(path) {
    const form = `<form method="post" action="${this.url(path)}"><button>Win a prize</button></form>`;
    await this.open(`data:text/html,${encodeURIComponent(form)}`);
    await this.click('button');
  }

  order(fault) {
    return this.control('faults', fault);
  }

  async control(what, body) {
    const base = this.smartsheet?.url ?? this.app.sandbox;
    const answer = await fetch(`${base}/control/${what}`, { method: 'POST', body: body && JSON.stringify(body) });
    if (!answer.ok) throw new Error(`control/${what}: ${answer.status} ${await answer.text()}`);
  }
}

// By way of the consent page, as a person does it.
export async function signIn(page, app, user, login = '/login') {
  await page.goto(`${app.url}${login}`);
  // Odd people are folded away.
  await page.evaluate(() => document.querySelectorAll('details').forEach((details) => { details.open = true; }));
  await page.click(`[name="sandbox_user"][value="${user}"]`);
  await follow(page, '[name="sandbox_decision"][value="allow"]');
}

async function follow(page, selector) {
  await Promise.all([page.waitForNavigation(), page.click(selector)]);
}

async function servers(program, { clientSecret }) {
  if (clientSecret) return startRegisteredApp(program, { clientSecret });
  return { app: await startApp(program, { port: await freePort() }) };
}

async function settled(page) {
  await page.evaluate(() => new Promise((done) => { requestAnimationFrame(() => requestAnimationFrame(done)); }));
}

// Opens `url`, and gives the page `answer` for it.
async function replace(page, url, answer) {
  await page.setRequestInterception(true);
  page.on('request', (request) => {
    if (request.isNavigationRequest()) request.respond(answer);
    else request.continue();
  });
  await page.goto(url);
}

// A body that is sent again is neither compressed nor in pieces.
function own(headers) {
  const { 'content-encoding': _encoding, 'content-length': _length, 'transfer-encoding': _transfer, ...rest } = headers;
  // A header that was sent twice comes with its values a line each.
  return Object.fromEntries(Object.entries(rest).map(([name, value]) => [name, value.replaceAll('\n', ', ')]));
}
