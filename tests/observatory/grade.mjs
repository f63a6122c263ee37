// Has the Observatory look at the app's pages as it looks at anybody's. Usage: node grade.mjs PROGRAM FOLDER
//
// FOLDER has the proxy's certificate; Node.js was started to believe in its authority.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

import { freePort } from '../free_port.mjs';
import { startProxy } from './proxy.mjs';

const program = resolve(process.argv[2]);
const folder = process.argv[3];

// The Observatory reads the browsers' list of hosts that are https only, and downloads it when it is installed. This
// machine's names can't be on it, so an empty one says the same.
const preloaded = fileURLToPath(new URL('../conf/hsts-preload.json', import.meta.resolve('@mdn/mdn-http-observatory')));
if (!existsSync(preloaded)) writeFileSync(preloaded, '{}');

// What is inside `scan`, which takes no path: the same requests, the same tests, the same grades.
const observatory = (file) => import(`@mdn/mdn-http-observatory/src/${file}`);
const { scan } = await observatory('index.js');
const { retrieve } = await observatory('retriever/retriever.js');
const { ALL_TESTS } = await observatory('constants.js');
const { getScoreModifier } = await observatory('grader/grader.js');

// Each test's best outcome and its bonus. Left out is the redirection from http to https, which is the proxy's business.
// "hsts-preloaded" would be 5 more: that is a promise of the name's owner to the browsers' makers, not of an app.
const BEST = {
  'content-security-policy': ['csp-implemented-with-no-unsafe-default-src-none', 10],
  cookies: ['cookies-secure-with-httponly-sessions-and-samesite', 5],
  'cross-origin-resource-sharing': ['cross-origin-resource-sharing-not-implemented', 0],
  'referrer-policy': ['referrer-policy-private', 5],
  'strict-transport-security': ['hsts-implemented-max-age-at-least-six-months', 0],
  'subresource-integrity': ['sri-implemented-and-all-scripts-loaded-securely', 5],
  'x-content-type-options': ['x-content-type-options-nosniff', 0],
  'x-frame-options': ['x-frame-options-implemented-via-csp', 5],
  'cross-origin-resource-policy': ['corp-implemented-with-same-origin', 10],
};

// The best there is where the page has nothing to be judged by.
const NO_COOKIE = { cookies: ['cookies-not-found', 0] };
const NO_SCRIPT = { 'subresource-integrity': ['sri-not-implemented-but-no-scripts-loaded', 0] };
const NO_HTML = { 'subresource-integrity': ['sri-not-implemented-response-not-html', 0] };

const appPort = await freePort();
const proxy = await startProxy({ folder, appPort });
const base = `https://localhost:${proxy.port}`;
let log = '';

// In sandbox mode, with nothing of our own environment but the path. The sandbox says yes at once, so that a sign-in is
// redirects alone, and the Observatory, which follows them, arrives signed in.
const app = spawn(program, ['serve'], {
  cwd: folder,
  stdio: ['ignore', 'ignore', 'pipe'],
  env: {
    PATH: process.env.PATH,
    SERVER_LISTEN: `127.0.0.1:${appPort}`,
    SERVER_BASE_URL: base,
    SMARTSHEET_AUTHORIZE_URL:
      `https://127.0.0.1:${proxy.port}/sandbox/b/authorize?sandbox_decision=allow&sandbox_user=full`,
    SESSION_STORE: 'memory',
  },
});
app.stderr.on('data', (text) => { log += text; });

async function started() {
  for (let tries = 0; tries < 200; tries += 1) {
    assert.equal(app.exitCode, null, `the app ended at once:\n${log}`);
    if (await fetch(`${base}/healthz`).then((answer) => answer.ok, () => false)) return;
    await new Promise((done) => { setTimeout(done, 50); });
  }
  assert.fail(`the app does not answer:\n${log}`);
}

// Opens `path` and follows redirects to `end`, which must answer with `status`. Returns the page's text.
async function grade(what, { path, end = path, status = 200, but = {} }) {
  const requests = await retrieve('localhost', { httpPort: proxy.port, httpsPort: proxy.port, path });
  const { auto } = requests.responses;
  const last = requests.session.redirectHistory.at(-1).url;
  assert.equal(`${last.origin}${last.pathname}`, `${base}${end.split('?')[0]}`, what);
  assert.equal(auto.status, status, what);
  assert.equal(auto.verified, true, `${what}: the certificate`);

  const found = Object.fromEntries(ALL_TESTS.map((test) => test(requests)).map((output) => [output.constructor.name, output]));
  const text = String(requests.resources.path);
  const expected = { ...BEST, ...(/<script/i.test(text) ? {} : NO_SCRIPT), ...but };
  for (const [test, [result, bonus]] of Object.entries(expected)) {
    const output = found[test];
    const summary = `${what}: ${test}: ${output.result}`;
    assert.deepEqual([output.result, output.pass, getScoreModifier(output.result)], [result, true, bonus], summary);
  }
  console.log(`ok      ${what}: ${Object.keys(expected).length} tests at their best`);
  return text;
}

try {
  await started();
  const index = await grade('the index', { path: '/', but: NO_COOKIE });
  const me = await grade('a sign-in, up to the profile', { path: '/login', end: '/me' });
  assert.match(me, /Sign out/, 'nobody is signed in');
  await grade('a sign-in, up to its record', { path: '/login?return_to=/flow', end: '/flow' });
  await grade('an error page', { path: '/nothing', status: 404, but: NO_COOKIE });
  await grade('a callback that nobody asked for', { path: '/redirect?code=c&state=s', status: 400, but: NO_COOKIE });
  await grade('the health check', { path: '/healthz', but: { ...NO_COOKIE, ...NO_HTML } });
  const [, stylesheet] = /href="(\/static\/[^"]+)"/.exec(index);
  await grade('the stylesheet', { path: stylesheet, but: { ...NO_COOKIE, ...NO_HTML } });

  // And as everybody runs it: the index alone.
  const { scan: { grade: letter, score } } = await scan(`localhost:${proxy.port}`);
  assert.equal(letter, 'A+');
  console.log(`ok      the Observatory's grade of the index: ${letter}, ${score} points`);
} catch (error) {
  console.error(error.message ?? error);
  console.error(log);
  process.exitCode = 1;
} finally {
  app.kill();
  proxy.stop();
}
