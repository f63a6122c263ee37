// A site that has no token: its page uses the official SDK for JavaScript, in a real browser, by the way of /auth/api and with the
// site's cookie; its back end uses the one for Python with the assertion that came with a request. Each reads a sheet, adds a row,
// pages through 1,000 rows, and comes through Smartsheet's and the app's own rate limits.
// Usage: node api_of_a_site.mjs PROGRAM, PYTHON in the environment.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, request as forward } from 'node:http';

import { build } from 'esbuild';
import puppeteer from 'puppeteer-core';

import { freePort } from '../free_port.mjs';
import { chromium } from '../pages/chromium.mjs';
import { atTheEnd, endAll, startInstance } from './servers.mjs';

const SHEET = 'Team board';
const GRACE = 'grace.hopper@example.com';
const ALLOW = 'GET /users/me, GET /sheets, GET /sheets/{id}, POST /sheets/{id}/rows';
const A_MINUTE = 300;

let passed = 0;
let failed = 0;

async function bundle() {
  const built = await build({
    entryPoints: ['api_page.cjs'],
    bundle: true,
    write: false,
    platform: 'browser',
    define: { 'process.env': '{}' },
    // What it needs for uploads of files and for log files.
    plugins: [{
      name: 'nothing',
      setup({ onResolve, onLoad }) {
        onResolve({ filter: /^(fs|winston)$/ }, ({ path }) => ({ path, namespace: 'nothing' }));
        onLoad({ filter: /./, namespace: 'nothing' }, () => ({ contents: '' }));
      },
    }],
  });
  return built.outputFiles[0].text;
}

// The site behind its proxy, in one: asks the app before each request, and hands what is below /auth/ to it.
async function startSite(port, appPort, base) {
  const script = await bundle();
  const origin = `http://wiki.localhost:${port}`;
  const said = { 'x-forwarded-host': `wiki.localhost:${port}`, 'x-forwarded-proto': 'http' };
  const site = createServer(async (request, answer) => {
    const { method, url: path } = request;
    const headers = { ...request.headers, ...said, 'x-forwarded-for': '127.0.0.1' };
    const isOfTheApp = path.startsWith('/auth/') && !/^\/auth\/(check|forward|envoy)/.test(path);
    if (isOfTheApp) {
      const onward = forward({ host: '127.0.0.1', port: appPort, method, path, headers }, (from) => {
        answer.writeHead(from.statusCode, from.headers);
        from.pipe(answer);
      });
      onward.on('error', () => answer.destroy());
      request.pipe(onward);
      return;
    }
    const cookie = request.headers.cookie ?? '';
    // fetch sets no Host, so the app's own is asked by the proxy's headers.
    const asked = await fetch(`http://127.0.0.1:${appPort}/auth/check`, { headers: { ...said, cookie } });
    if (asked.status !== 200) {
      answer.writeHead(303, { location: `/auth/sign-in?return_to=${encodeURIComponent(path)}` }).end();
    } else if (path === '/page.js') {
      answer.writeHead(200, { 'content-type': 'text/javascript; charset=utf-8' }).end(script);
    } else if (path.startsWith('/back-end/')) {
      const assertion = asked.headers.get('x-smartsheet-assertion');
      const args = ['-B', 'api_as_person.py', `${base}/auth/api/2.0`, SHEET, decodeURIComponent(path.slice('/back-end/'.length))];
      const python = execFile(process.env.PYTHON, args, (error, out, told) => {
        answer.writeHead(error ? 500 : 200, { 'content-type': 'application/json' }).end(error ? told : out);
      });
      python.stdin.end(assertion);
    } else {
      answer.writeHead(200, { 'content-type': 'text/html; charset=utf-8' })
        .end('<!DOCTYPE html><title>Wiki</title><p>Wiki</p><script src="/page.js"></script>');
    }
  });
  site.listen(port, '127.0.0.1');
  await once(site, 'listening');
  atTheEnd(() => { site.closeAllConnections(); site.close(); });
  return origin;
}

async function signedIn(page, url) {
  const click = async (selector) => (await page.waitForSelector(selector)).click();
  await page.goto(url);
  await click(`label ::-p-text(${GRACE})`);
  await Promise.all([page.waitForNavigation(), click('button ::-p-text(Allow)')]);
  assert.equal(page.url(), url);
}

const between = (first, last) => Array.from({ length: last - first + 1 }, (_, index) => first + index);

async function check(what, test) {
  try {
    await test();
    passed += 1;
    console.log(`ok      A site without a token: ${what}`);
  } catch (error) {
    failed += 1;
    console.log(`FAILED  A site without a token: ${what}\n${error.stack}`);
  }
}

async function run() {
  const [port, appPort] = [await freePort(), await freePort()];
  const base = `http://localhost:${appPort}`;
  await startInstance(appPort, base, null, {
    SERVER_TRUSTED_PROXIES: '127.0.0.1',
    GATEWAY_SITES: `http://wiki.localhost:${port}`,
    API_ALLOW: ALLOW,
    API_ASSERTIONS: 'on',
  });
  const origin = await startSite(port, appPort, base);
  const failNext = async (path, fault, times) => {
    const body = JSON.stringify({ path: `/2.0${path}`, fault, times });
    const set = await fetch(`${base}/sandbox/control/faults`, { method: 'POST', body });
    assert.ok(set.ok, await set.text());
  };
  const browser = await puppeteer.launch(chromium());
  atTheEnd(() => browser.close());
  const page = await browser.newPage();
  // As often as the app itself asks again, and twice more.
  const times = 6;

  await check('its page reads, adds and pages with the official SDK for JavaScript, through a rate limit', async () => {
    await signedIn(page, `${origin}/page`);
    await failNext('/users/me', 'rate_limit', times);
    const seen = await page.evaluate(async (sheet) => {
      const reasons = [];
      const calcRetryBackoff = (before, error) => { reasons.push([error.statusCode, error.errorCode]); return before < 9 ? 200 : -1; };
      const { users, sheets } = window.smartsheet({ calcRetryBackoff });
      const who = (await users.getCurrentUser()).email;
      const listed = (await sheets.listSheets({ queryParameters: { includeAll: true } })).data;
      const id = (name) => listed.find((one) => one.name === name).id;
      const { columns } = await sheets.getSheet({ id: id(sheet) });
      const body = { toBottom: true, cells: [{ columnId: columns[0].id, value: 'By the page' }] };
      await sheets.addRows({ sheetId: id(sheet), body });
      const { rows } = await sheets.getSheet({ id: id(sheet), queryParameters: { include: 'writerInfo' } });
      const by = rows.find((row) => row.cells[0].value === 'By the page').createdBy.email;
      const numbers = [];
      for (let number = 1; number <= 10; number += 1) {
        const queryParameters = { pageSize: 100, page: number };
        const part = await sheets.getSheet({ id: id('5,000 rows'), queryParameters });
        numbers.push(...part.rows.map((row) => row.rowNumber));
      }
      const kept = [document.cookie, ...Object.entries(localStorage), ...Object.entries(sessionStorage)].join();
      return { who, by, numbers, reasons, kept };
    }, SHEET);
    assert.deepEqual([seen.who, seen.by, seen.kept], [GRACE, GRACE, '']);
    assert.deepEqual(seen.numbers, between(1, 1000));
    assert.ok(seen.reasons.length > 0);
    for (const reason of seen.reasons) assert.deepEqual(reason, [429, 4003]);
  });

  await check('its back end does the same with the one for Python and an assertion', async () => {
    await failNext('/users/me', 'rate_limit', times);
    const answer = await page.evaluate(async () => (await fetch('/back-end/By%20its%20back%20end')).text());
    const seen = JSON.parse(answer);
    assert.deepEqual([seen.who, seen.by], [GRACE, GRACE]);
    assert.deepEqual(seen.numbers, between(1, 1000));
    assert.ok(seen.reasons.length > 0);
    for (const reason of seen.reasons) assert.equal(reason, 4003);
  });

  await check('the example of the README shows the sheets, and leads to the sign-in when that has ended', async () => {
    const readme = readFileSync('../../README.md', 'utf8');
    const [, example] = readme.match(/## Call the API from your page\n[^]*?```js\n([^]*?)```/);
    const script = `(async () => { ${example}\nreturn sheets.map((sheet) => sheet.name); })()`;
    const shown = await page.evaluate(script);
    assert.ok(shown.includes(SHEET), shown.join());
    await fetch(`${base}/sandbox/control/revoke`, { method: 'POST' });
    const [led] = await Promise.all([page.waitForNavigation(), page.evaluate(script).catch(() => {})]);
    assert.match(led.url(), /\/b\/authorize/);
  });

  await check('who calls more often than the app allows is slowed down, and comes through', async () => {
    await signedIn(page, `${origin}/page`);
    const seen = await page.evaluate(async (most) => {
      const reasons = [];
      const calcRetryBackoff = (before, error) => { reasons.push([error.statusCode, error.errorCode]); return before < 99 ? 300 : -1; };
      const { users } = window.smartsheet({ calcRetryBackoff, maxRetryDurationSeconds: 60 });
      const people = [];
      // What a person may call comes back as time goes by, so that it takes some more.
      while (reasons.length === 0 && people.length < 4 * most) {
        const calls = Array.from({ length: 30 }, () => users.getCurrentUser());
        const refused = (error) => { throw new Error(JSON.stringify(error)); };
        people.push(...await Promise.all(calls).catch(refused));
      }
      return { people: people.map((person) => person.email), reasons };
    }, A_MINUTE);
    assert.deepEqual(new Set(seen.people), new Set([GRACE]));
    assert.ok(seen.reasons.length > 0 && seen.people.length > A_MINUTE / 2, `${seen.people.length} calls`);
    for (const reason of seen.reasons) assert.deepEqual(reason, [429, 4003]);
  });
}

try {
  await run();
} catch (error) {
  failed += 1;
  console.log(`FAILED  A site without a token\n${error.stack}`);
} finally {
  await endAll();
}
process.exit(failed || !passed ? 1 : 0);
