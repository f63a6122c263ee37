// Two people, a browser each, one shared sheet: each adds a row and changes the other's, a conflict is solved both ways, and every
// name stands where it belongs: on the pages, in the history, and in what the official SDKs read. Once on SQLite, once on two
// instances with PostgreSQL that take turns with every single request. Usage: node two_people.mjs PROGRAM, PYTHON in the
// environment.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, request as forward } from 'node:http';

import puppeteer from 'puppeteer-core';
import smartsheet from 'smartsheet';

import { freePort } from '../free_port.mjs';
import { chromium } from '../pages/chromium.mjs';
import { startPostgres } from './postgres.mjs';
import { APP, atTheEnd, endAll, startInstance, startSandbox } from './servers.mjs';

const SHEET = 'Team board';
const GRACE = { name: 'Grace Hopper', email: 'grace.hopper@example.com', user: 'full' };
const SAM = { name: 'sam@example.com', email: 'sam@example.com', user: 'minimal' };
const APPEARS_WITHIN_MS = 20_000;

let passed = 0;
let failed = 0;

// Hands every request to the next instance.
async function balance(port, instances) {
  let turn = 0;
  const served = instances.map(() => 0);
  const balancer = createServer((request, answer) => {
    const next = turn++ % instances.length;
    served[next] += 1;
    const { method, url: path, headers } = request;
    const onward = forward({ host: '127.0.0.1', port: instances[next], method, path, headers }, (from) => {
      answer.writeHead(from.statusCode, from.headers);
      from.pipe(answer);
    });
    onward.on('error', () => answer.destroy());
    request.pipe(onward);
  });
  balancer.listen(port, '127.0.0.1');
  await once(balancer, 'listening');
  atTheEnd(() => { balancer.closeAllConnections(); balancer.close(); });
  return served;
}

// A person with a browser of their own.
class Person {
  static async at(browser, base, who) {
    const context = await browser.createBrowserContext();
    const page = await context.newPage();
    page.setDefaultTimeout(APPEARS_WITHIN_MS);
    const person = Object.assign(new Person(), { page, base, who });
    await page.goto(`${base}/`);
    await person.click('a.button ::-p-text(Sign in with Smartsheet)');
    await person.click(`label ::-p-text(${who.email})`);
    await person.press('Allow');
    await person.click('a[href="/sheets"]');
    await person.click(`main a ::-p-text(${SHEET})`);
    person.sheet = page.url();
    return person;
  }

  // Follows or sends what is there, up to the page that it leads to.
  async click(selector) {
    const found = await this.page.waitForSelector(selector);
    const isChoice = await found.evaluate((element) => element.closest('label') !== null);
    if (isChoice) return found.click();
    return Promise.all([this.page.waitForNavigation(), found.click()]);
  }

  press(label) {
    return this.click(`button ::-p-text(${label})`);
  }

  async fill(text) {
    const field = await this.page.waitForSelector('::-p-xpath(//label[normalize-space() = "Task"]/following-sibling::*[1])');
    await field.evaluate((element) => { element.value = ''; });
    await field.type(text);
  }

  async open(task) {
    await this.page.goto(this.sheet);
    await this.click(`::-p-xpath(//tr[th[contains(., "${task}")]]/th/a)`);
  }

  async add(task) {
    await this.page.goto(this.sheet);
    await this.fill(task);
    await this.press('Add the row');
    await this.page.waitForSelector('[role="status"] ::-p-text(last changed by)');
  }

  async change(from, to) {
    await this.open(from);
    await this.fill(to);
    await this.press('Save');
  }

  async row(task) {
    await this.page.goto(this.sheet);
    const row = await this.page.waitForSelector(`::-p-xpath(//tr[th[contains(., "${task}")]])`);
    return row.evaluate((element) => element.textContent);
  }

  async past(task) {
    await this.open(task);
    return this.page.$eval('ol.past', (list) => Array.from(list.children, (entry) => entry.textContent));
  }
}

// What the SDKs say of a task: who made the row, who changed it last, and its past, newest first.
async function javascriptSees(sandbox, task) {
  const query = {
    response_type: 'code', client_id: APP.id, scope: 'READ_SHEETS', sandbox_decision: 'allow', sandbox_user: GRACE.user,
  };
  const back = await fetch(`${sandbox}/b/authorize?${new URLSearchParams(query)}`, { redirect: 'manual' });
  const code = new URL(back.headers.get('location')).searchParams.get('code');
  const hash = createHash('sha256').update(`${APP.secret}|${code}`).digest('hex');
  const client = (accessToken) => smartsheet.createClient({ accessToken, baseUrl: `${sandbox}/2.0/` });
  const tokens = await client('none yet').tokens.getAccessToken({ queryParameters: { client_id: APP.id, code, hash } });
  const { sheets } = client(tokens.access_token);
  const { id } = (await sheets.listSheets({})).data.find((sheet) => sheet.name === SHEET);
  const sheet = await sheets.getSheet({ id, queryParameters: { include: 'writerInfo' } });
  const row = sheet.rows.find((other) => other.cells[0].value === task);
  const past = await sheets.getCellHistory({ sheetId: id, rowId: row.id, columnId: row.cells[0].columnId });
  const python = execFileSync(
    process.env.PYTHON,
    ['-B', 'row_as_seen.py', `${sandbox}/2.0`, tokens.access_token, SHEET, task],
    { encoding: 'utf8' },
  );
  const javascript = {
    created: row.createdBy.email,
    modified: row.modifiedBy.email,
    past: past.data.map((entry) => [entry.value, entry.modifiedBy.email]),
  };
  assert.deepEqual(JSON.parse(python), javascript, 'both SDKs see the same');
  return javascript;
}

async function walk(browser, base, sandbox) {
  const grace = await Person.at(browser, base, GRACE);
  const sam = await Person.at(browser, base, SAM);
  await grace.add('Tea for two');
  await sam.add('Sweep the yard');
  await sam.change('Tea for two', 'Tea for three');
  await grace.change('Sweep the yard', 'Sweep the garden');
  for (const person of [grace, sam]) {
    assert.match(await person.row('Tea for three'), /sam@example\.com/);
    assert.match(await person.row('Sweep the garden'), /Grace Hopper/);
    const past = await person.past('Tea for three');
    assert.equal(past.length, 2, past.join('\n'));
    assert.match(past[0], /Tea for three[^]*sam@example\.com/);
    assert.match(past[1], /Tea for two[^]*Grace Hopper/);
  }
  assert.deepEqual(await javascriptSees(sandbox, 'Tea for three'), {
    created: GRACE.email,
    modified: SAM.email,
    past: [['Tea for three', SAM.email], ['Tea for two', GRACE.email]],
  });

  // "Use mine".
  await grace.open('Sweep the garden');
  await sam.change('Sweep the garden', 'Sweep, as Sam sees it');
  await grace.fill('Sweep, as Grace sees it');
  await grace.press('Save');
  const conflict = await grace.page.$eval('main', (main) => main.textContent);
  for (const shown of ['as Sam sees it', 'Somebody else changed this row', SAM.name]) assert.ok(conflict.includes(shown), conflict);
  await grace.press('Use mine');
  assert.match(await sam.row('as Grace sees it'), /Grace Hopper/);

  // "Keep theirs".
  await sam.open('as Grace sees it');
  await grace.change('as Grace sees it', 'Sweep, as Grace still sees it');
  await sam.fill('Sweep, as Sam still sees it');
  await sam.press('Save');
  await sam.click('a ::-p-text(Keep theirs)');
  assert.match(await sam.row('as Grace still sees it'), /Grace Hopper/);
  assert.deepEqual(await javascriptSees(sandbox, 'Sweep, as Grace still sees it'), {
    created: SAM.email,
    modified: GRACE.email,
    past: [
      ['Sweep, as Grace still sees it', GRACE.email],
      ['Sweep, as Grace sees it', GRACE.email],
      ['Sweep, as Sam sees it', SAM.email],
      ['Sweep the garden', GRACE.email],
      ['Sweep the yard', SAM.email],
    ],
  });
}

async function check(what, instances, store) {
  try {
    const port = await freePort();
    const base = `http://localhost:${port}`;
    const sandbox = await startSandbox(`${base}/redirect`);
    const database = await store?.();
    if (database) atTheEnd(database.stop);
    const key = randomBytes(32).toString('base64');
    const ports = [];
    for (let count = 0; count < instances; count += 1) {
      const own = await freePort();
      await startInstance(own, base, sandbox, { store: database?.url, SESSION_KEY: key });
      ports.push(own);
    }
    const served = await balance(port, ports);
    const browser = await puppeteer.launch(chromium());
    atTheEnd(() => browser.close());
    await walk(browser, base, sandbox).catch(async (error) => {
      const shown = await Promise.all((await browser.pages()).map((page) => page.$eval('body', (body) => body.innerText)));
      throw new Error(`the pages show:\n${shown.join('\n\n')}`, { cause: error });
    });
    assert.ok(served.every((count) => count > 20), `requests an instance: ${served}`);
    passed += 1;
    console.log(`ok      Two people in two browsers on one sheet: ${what}`);
  } catch (error) {
    failed += 1;
    console.log(`FAILED  Two people in two browsers on one sheet: ${what}\n${error.stack}\n${error.cause?.stack ?? ''}`);
  } finally {
    await endAll();
  }
}

await check('one instance on SQLite', 1);
await check('two instances on PostgreSQL, in turns', 2, async () => startPostgres(await freePort()));
process.exit(failed || !passed ? 1 : 0);
