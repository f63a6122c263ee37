// Walks through sign-in, refresh, denial and sign-out with the real program. Usage: node walk.mjs PROGRAM

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

import { freePort } from '../free_port.mjs';
import { Browser } from './browser.mjs';
import { PROFILE, startServer } from './server.mjs';

const program = resolve(process.argv[2]);
const folder = await mkdtemp(join(tmpdir(), 'independent-'));
const SCOPE = 'READ_SHEETS';
const CLIENT_ID = 'app-7fq';
// Every kind of character that RFC 6749 allows in a secret and a form could get wrong.
const CLIENT_SECRET = 'a secret with spaces, & = + % ~ and "#|\\';
const JSON_TYPE = { accept: 'application/json' };

let passed = 0;
let failed = 0;
let appLog = '';

// One step of the walk. Each needs the ones before it, so the first that fails ends it.
async function check(what, steps) {
  try {
    await steps();
  } catch (error) {
    throw new Error(what, { cause: error });
  }
  passed += 1;
  console.log(`ok      ${what}`);
}

const port = await freePort();
// The app by `localhost`, the server by 127.0.0.1: two sites to a browser, as it is with Smartsheet.
const app = `http://localhost:${port}`;
const server = await startServer({
  clientId: CLIENT_ID,
  clientSecret: CLIENT_SECRET,
  redirectUrl: `${app}/redirect`,
  scope: SCOPE,
});

// Starts the app in the folder, with nothing of our own environment but the path, and waits until it answers.
async function startApp(settings = {}) {
  const child = spawn(program, ['serve'], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'pipe'],
    env: {
      PATH: process.env.PATH,
      SERVER_LISTEN: `127.0.0.1:${port}`,
      SERVER_BASE_URL: app,
      SMARTSHEET_REGION: 'us',
      SMARTSHEET_CLIENT_ID: CLIENT_ID,
      SMARTSHEET_CLIENT_SECRET: CLIENT_SECRET,
      SMARTSHEET_CLIENT_AUTHENTICATION: 'secret',
      SMARTSHEET_SCOPES: SCOPE,
      SMARTSHEET_AUTHORIZE_URL: server.authorizeUrl,
      SMARTSHEET_API_URL: server.apiUrl,
      RUST_LOG: 'debug',
      ...settings,
    },
  });
  child.stderr.on('data', (text) => { appLog += text; });
  for (let tries = 0; ; tries += 1) {
    if (child.exitCode !== null) throw new Error(`the app ended at once:\n${appLog}`);
    const alive = await fetch(`${app}/healthz`).then((answer) => answer.ok, () => false);
    if (alive) break;
    if (tries === 200) throw new Error(`the app does not answer:\n${appLog}`);
    await new Promise((wake) => { setTimeout(wake, 50); });
  }
  return {
    kill: () => child.kill('SIGKILL'),
    async stop() {
      child.kill('SIGTERM');
      const [code] = await once(child, 'exit');
      assert.equal(code, 0, 'the app ends in good order');
    },
  };
}

// What the server saw since the last call.
function seen() {
  return server.log.splice(0);
}

const isCallback = (url) => url.startsWith(`${app}/redirect`);

// From /login to the server's consent page, signing in there when it asks.
async function toConsent(browser, path = '/login') {
  const login = await browser.request(`${app}${path}`);
  assert.equal(login.status, 303);
  let page = await browser.follow(login, isCallback);
  if (/name="password"/.test(page.text)) {
    page = await browser.follow(await browser.submit(page, { login: 'ann', password: 'any' }), isCallback);
  }
  return { login, page };
}

// The redirect that brings the browser back to the app, after Allow.
async function toCallback(browser, path) {
  const { login, page } = await toConsent(browser, path);
  const back = page.location ? page : await browser.follow(await browser.submit(page), isCallback);
  assert.ok(back.location && isCallback(back.location), `the server sends back to the app, not to ${back.url}: ${back.text.slice(0, 500)}`);
  return { login, callback: back.location };
}

async function signIn(browser, path) {
  const { callback } = await toCallback(browser, path);
  const arrived = await browser.request(callback);
  assert.equal(arrived.status, 303, arrived.text);
  return arrived;
}

const profileOf = (browser) => browser.request(`${app}/me`, { headers: JSON_TYPE });

let running;
try {
  running = await startApp();
  const ann = new Browser();
  let firstCallback;

  await check('/login sends the browser to the authorization page with a fresh state', async () => {
    const urls = [];
    for (let round = 0; round < 2; round += 1) {
      const login = await new Browser().request(`${app}/login`);
      assert.equal(login.status, 303);
      urls.push(new URL(login.location));
    }
    for (const url of urls) {
      assert.equal(url.origin + url.pathname, server.authorizeUrl);
      assert.deepEqual([...url.searchParams.keys()].sort(), ['client_id', 'redirect_uri', 'response_type', 'scope', 'state']);
      assert.equal(url.searchParams.get('response_type'), 'code');
      assert.equal(url.searchParams.get('client_id'), CLIENT_ID);
      assert.equal(url.searchParams.get('redirect_uri'), `${app}/redirect`);
      assert.equal(url.searchParams.get('scope'), SCOPE);
      assert.ok(url.searchParams.get('state').length >= 22, 'a state has 128 random bits');
    }
    assert.notEqual(urls[0].searchParams.get('state'), urls[1].searchParams.get('state'));
    assert.deepEqual(seen(), []);
  });

  await check('login and consent bring a code, and the code signs in', async () => {
    const { callback } = await toCallback(ann, '/login?return_to=/me?from=start');
    firstCallback = callback;
    // The server adds `iss` (RFC 9207), which the app does not know.
    assert.deepEqual([...new URL(callback).searchParams.keys()].sort(), ['code', 'iss', 'state']);
    const before = ann.cookies('localhost')[0].value;
    const arrived = await ann.request(callback);
    assert.equal(arrived.status, 303, arrived.text);
    assert.equal(arrived.location, `${app}/me?from=start`);
    assert.notEqual(ann.cookies('localhost')[0].value, before, 'a new session id');
    assert.deepEqual(seen(), ['token authorization_code 200']);
  });

  await check('the cookie is a bare pointer', async () => {
    const [cookie, ...others] = ann.cookies('localhost');
    assert.deepEqual(others, []);
    assert.match(cookie.line, /HttpOnly/);
    assert.match(cookie.line, /SameSite=Lax/);
    assert.ok(cookie.value.length <= 64);
    for (const secret of server.secrets) assert.ok(!cookie.line.includes(secret));
  });

  await check('/me as JSON is the profile byte for byte', async () => {
    const me = await profileOf(ann);
    assert.equal(me.status, 200);
    assert.equal(me.text, PROFILE);
    assert.deepEqual(seen(), ['users/me 200']);
    assert.equal(server.lastToken.scope, SCOPE);
  });

  await check('/me as a page shows it', async () => {
    const me = await ann.request(`${app}/me`);
    assert.equal(me.status, 200);
    assert.match(me.text, /ann@example\.com/);
    assert.match(me.text, /9007199254740993123/);
    assert.deepEqual(seen(), ['users/me 200']);
  });

  await check('a callback that comes again goes where it led, makes no request and leaves the session alone', async () => {
    const again = await ann.request(firstCallback);
    assert.equal(again.status, 303);
    assert.equal(again.headers.get('location'), '/me?from=start');
    assert.equal(again.headers.get('set-cookie'), null);
    assert.deepEqual(seen(), []);
    assert.equal((await profileOf(ann)).status, 200);
    seen();
  });

  await check('a callback with another state, or of another browser, makes no request', async () => {
    const other = new Browser();
    const { callback } = await toCallback(other);
    const changed = new URL(callback);
    changed.searchParams.set('state', 'x'.repeat(43));
    assert.equal((await other.request(changed.href)).status, 400);
    assert.equal((await new Browser().request(callback)).status, 400);
    assert.equal((await ann.request(callback)).status, 400);
    assert.deepEqual(seen(), []);
    assert.equal((await other.request(callback)).status, 303, 'its own browser arrives');
    assert.deepEqual(seen(), ['token authorization_code 200']);
  });

  await check('an access token that is refused is refreshed once, and the call repeated', async () => {
    await profileOf(ann);
    seen();
    await server.expireAccessToken();
    const me = await profileOf(ann);
    assert.equal(me.status, 200, me.text);
    assert.equal(me.text, PROFILE);
    assert.deepEqual(seen(), ['users/me 401', 'token refresh_token 200', 'users/me 200']);
  });

  await check('many requests at once with a refused access token share one refresh', async () => {
    await server.expireAccessToken();
    const answers = await Promise.all(Array.from({ length: 12 }, () => profileOf(ann)));
    assert.deepEqual(answers.map((answer) => answer.status), Array(12).fill(200));
    assert.deepEqual(seen().filter((line) => line.startsWith('token')), ['token refresh_token 200']);
  });

  await check('a restart signs nobody out, and a token with too little left is refreshed before use', async () => {
    await running.stop();
    // The tokens live an hour.
    running = await startApp({ SESSION_REFRESH_MARGIN: '2h' });
    for (let round = 0; round < 3; round += 1) {
      const me = await profileOf(ann);
      assert.equal(me.status, 200, me.text);
      assert.equal(me.text, PROFILE);
      assert.deepEqual(seen(), ['token refresh_token 200', 'users/me 200']);
    }
  });

  await check('many requests at once, each of which wants a refresh, never use a refresh token twice', async () => {
    const answers = await Promise.all(Array.from({ length: 12 }, () => profileOf(ann)));
    assert.deepEqual(answers.map((answer) => answer.status), Array(12).fill(200));
    const refreshes = seen().filter((line) => line.startsWith('token'));
    assert.ok(refreshes.length >= 1);
    assert.deepEqual([...new Set(refreshes)], ['token refresh_token 200']);
    await running.stop();
    running = await startApp();
  });

  await check('Deny is a page with 403, and nothing is left of it but the masked record of the flow', async () => {
    const bob = new Browser();
    const { page } = await toConsent(bob);
    const abort = /<a href="([^"]*\/abort)"/.exec(page.text)?.[1];
    assert.ok(abort, `the consent page can be left: ${page.text.slice(0, 500)}`);
    const back = await bob.follow(await bob.request(new URL(abort, page.url).href), isCallback);
    assert.equal(new URL(back.location).searchParams.get('error'), 'access_denied');
    const denied = await bob.request(back.location);
    assert.equal(denied.status, 403);
    assert.match(denied.headers.get('content-type'), /^text\/html/);
    assert.deepEqual(seen(), []);
    const flow = await bob.request(`${app}/flow`, { headers: JSON_TYPE });
    assert.deepEqual(JSON.parse(flow.text).messages.map(({ step }) => step), ['sign_in', 'consent', 'callback']);
    const me = await profileOf(bob);
    assert.equal(me.status, 401);
    assert.match(me.headers.get('content-type'), /^application\/problem\+json/);
  });

  await check('two tabs of one browser sign in at the same time, and both arrive', async () => {
    const browser = new Browser();
    const one = await toCallback(browser, '/login?return_to=/?tab=1');
    const two = await toCallback(browser, '/login?return_to=/?tab=2');
    assert.equal((await browser.request(one.callback)).location, `${app}/?tab=1`);
    assert.equal((await browser.request(two.callback)).location, `${app}/?tab=2`);
    assert.deepEqual(seen(), Array(2).fill('token authorization_code 200'));
    assert.equal((await profileOf(browser)).status, 200);
    seen();
  });

  await check('a grant that was revoked asks to sign in again, once', async () => {
    const carol = new Browser();
    await signIn(carol);
    await profileOf(carol);
    seen();
    await server.revokeGrant();
    const gone = await carol.request(`${app}/me`);
    assert.equal(gone.status, 401);
    assert.match(gone.text, /\/login/);
    assert.deepEqual(seen(), ['users/me 401', 'token refresh_token invalid_grant']);
    // The tokens were dropped: the next visit is one of somebody who is signed out.
    assert.equal((await carol.request(`${app}/me`)).location, `${app}/login?return_to=/me`);
    assert.deepEqual(seen(), []);
    await signIn(carol);
    assert.equal((await profileOf(carol)).status, 200);
    seen();
  });

  await check('a wrong secret is called the operator’s fault, and signs nobody out', async () => {
    await running.stop();
    running = await startApp({ SMARTSHEET_CLIENT_SECRET: 'wrong' });
    const dave = new Browser();
    const refused = await dave.request((await toCallback(dave)).callback, { headers: JSON_TYPE });
    assert.equal(refused.status, 502, refused.text);
    assert.match(refused.text, /invalid_client/);
    // An app that starts may give back what the one before left.
    const beside = (request) => !request.startsWith('revoke');
    assert.deepEqual(seen().filter(beside), ['token authorization_code invalid_client']);

    assert.equal((await profileOf(ann)).status, 200, 'the access token still works');
    await server.expireAccessToken();
    seen();
    assert.equal((await profileOf(ann)).status, 502);
    assert.deepEqual(seen(), ['users/me 401', 'token refresh_token invalid_client']);
    await running.stop();
    running = await startApp();
    assert.equal((await profileOf(ann)).status, 200, 'with the right secret the session goes on');
    assert.deepEqual(seen(), ['users/me 401', 'token refresh_token 200', 'users/me 200']);
  });

  await check('signing out revokes the token in force and ends the session', async () => {
    const remembered = ann.copy();
    const headers = { origin: app, 'sec-fetch-site': 'same-origin' };
    assert.equal((await profileOf(ann)).status, 200);
    seen();
    const out = await ann.request(`${app}/logout`, { method: 'POST', headers });
    assert.equal(out.status, 303);
    assert.equal(out.location, `${app}/signed-out`);
    assert.deepEqual(seen(), ['revoke 200']);
    // The cookie that is left leads to the messages of the sign-out alone.
    assert.deepEqual(ann.cookies('localhost').map((cookie) => cookie.name), ['signed-out']);
    // Neither does the old cookie open anything.
    assert.equal((await profileOf(remembered)).status, 401);
    assert.deepEqual(seen(), []);
  });

  await running.stop();

  await check('no secret, code or token is in the log', async () => {
    assert.ok(appLog.includes('sign-in succeeded'));
    assert.ok(server.secrets.size > 20, 'many were issued');
    for (const secret of server.secrets) assert.ok(!appLog.includes(secret), `${secret} is in the log`);
  });
} catch (error) {
  failed += 1;
  const requests = appLog.split('\n').filter((line) => !line.includes(' DEBUG '));
  console.log(`\nThe app's log ends with:\n${requests.slice(-20).join('\n')}`);
  console.log(`FAILED  ${error.message}\n${(error.cause ?? error).stack}`);
} finally {
  running?.kill();
  server.stop();
  await rm(folder, { recursive: true, force: true });
}

console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
