// Smartsheet's official SDK for JavaScript, which sends the parameters of a token request in the query string.
// Usage: node javascript_sdk.mjs PROGRAM

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

import smartsheet from 'smartsheet';

const program = process.argv[2];
const CLIENT_ID = 'app-8vm';
// What a query string or the hash could get wrong.
const CLIENT_SECRET = 'pä|ss &+%25 #"\'\\';
const REDIRECT_URL = 'http://localhost:8080/redirect';

let passed = 0;
let failed = 0;
let url;

// A test with a sandbox of its own.
async function check(what, test) {
  const app = ['--client-id', CLIENT_ID, '--client-secret', CLIENT_SECRET, '--redirect-url', REDIRECT_URL];
  const sandbox = spawn(program, ['sandbox', '--listen', '127.0.0.1:0', ...app], {
    env: { RUST_LOG: 'warn' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const [line] = await once(createInterface(sandbox.stdout), 'line');
    assert.match(line, /^listening on http:/);
    url = line.slice('listening on '.length);
    await test();
    passed += 1;
    console.log(`ok      JavaScript SDK: ${what}`);
  } catch (error) {
    failed += 1;
    console.log(`FAILED  JavaScript SDK: ${what}\n${error.stack ?? JSON.stringify(error)}`);
  } finally {
    sandbox.kill();
  }
}

const hashOf = (value) => createHash('sha256').update(`${CLIENT_SECRET}|${value}`).digest('hex');

// A client that tries again at once, at most `retries` times, and notes why in `reasons`.
function client(accessToken = '', { retries = 0, reasons = [] } = {}) {
  const calcRetryBackoff = (before, error) => {
    if (before >= retries) return -1;
    reasons.push(error.errorCode);
    return 0;
  };
  return smartsheet.createClient({ accessToken, baseUrl: `${url}/2.0/`, calcRetryBackoff });
}

async function code(scope = 'READ_SHEETS,WRITE_SHEETS', user = 'full') {
  const query = { response_type: 'code', client_id: CLIENT_ID, scope, sandbox_decision: 'allow', sandbox_user: user };
  const answer = await fetch(`${url}/b/authorize?${new URLSearchParams(query)}`, { redirect: 'manual' });
  return new URL(answer.headers.get('location')).searchParams.get('code');
}

function exchange(given, proof = { hash: hashOf(given) }, options = {}) {
  const queryParameters = { client_id: CLIENT_ID, code: given, ...proof };
  return client('', options).tokens.getAccessToken({ queryParameters });
}

function refresh(token, proof = { hash: hashOf(token) }) {
  const queryParameters = { client_id: CLIENT_ID, refresh_token: token, ...proof };
  return client().tokens.refreshAccessToken({ queryParameters });
}

async function signedIn(options, ...asked) {
  return client((await exchange(await code(...asked))).access_token, options);
}

async function failNext(path, fault, times = 1) {
  const body = JSON.stringify({ path: `/2.0${path}`, fault, times });
  assert.ok((await fetch(`${url}/control/faults`, { method: 'POST', body })).ok);
}

async function refused(call, statusCode, errorCode) {
  const error = await call.then(() => assert.fail(`not refused with ${errorCode}`), (refusal) => refusal);
  assert.deepEqual([error.statusCode, error.errorCode], [statusCode, errorCode], error.message);
  assert.ok(error.message && error.refId);
  return error;
}

await check('exchange and refresh, with the hash and with the secret', async () => {
  const first = await exchange(await code());
  assert.deepEqual([first.token_type, first.expires_in], ['bearer', 604799]);
  const second = await refresh(first.refresh_token);
  const third = await refresh(second.refresh_token, { client_secret: CLIENT_SECRET });
  assert.equal(new Set([first, second, third].map((pair) => pair.access_token)).size, 3);
  assert.equal((await client(third.access_token).users.getCurrentUser()).email, 'grace.hopper@example.com');
  await refused(client(first.access_token).users.getCurrentUser(), 401, 1002);
  await refused(refresh(first.refresh_token), 400, 1071);
  assert.ok((await exchange(await code(), { client_secret: CLIENT_SECRET, redirect_uri: REDIRECT_URL })).access_token);
});

await check('errors of the token endpoint, each with its code', async () => {
  const given = await code();
  await refused(exchange(given, { hash: hashOf(given), client_id: 'app-9wn' }), 401, 1067);
  await refused(exchange(given, { hash: hashOf(given), grant_type: 'password' }), 400, 1068);
  await refused(exchange('', {}), 400, 1236);
  await refused(exchange(given, { hash: hashOf(given), client_secret: CLIENT_SECRET }), 400, 1237);
  await refused(exchange(given, { client_secret: 'another' }), 400, 1238);
  await refused(exchange(given, { hash: hashOf('') }), 400, 1072);
  await refused(exchange(given, { hash: hashOf(given), redirect_uri: 'http://localhost:8080/' }), 400, 1073);
  await refused(exchange('', { client_secret: CLIENT_SECRET }), 400, 1070);
  await exchange(given);
  await refused(exchange(given), 400, 1071);
});

await check('users/me, also of a plan without API access', async () => {
  const grace = await (await signedIn({}, '')).users.getCurrentUser();
  assert.equal(grace.account.name, 'Harbor Computing');
  assert.equal(grace.alternateEmails.length, 2);
  await refused((await signedIn({}, '', 'no-api')).users.getCurrentUser(), 403, 1004);
});

await check('sheets are listed and read', async () => {
  const { sheets } = await signedIn();
  const listed = await sheets.listSheets({ queryParameters: { includeAll: true } });
  assert.equal(listed.totalCount, 6);
  assert.deepEqual(listed.data.slice(0, 2).map((sheet) => sheet.name), ['Project plan', 'Travel budget']);
  const page = await sheets.listSheets({ queryParameters: { pageSize: 1, page: 2 } });
  assert.deepEqual([page.totalPages, page.data.length, page.data[0].name], [6, 1, 'Travel budget']);
  const sheet = await sheets.getSheet({ id: listed.data[0].id });
  assert.deepEqual([sheet.columns.length, sheet.rows.length, sheet.rows[0].cells[0].value], [5, 3, 'Register the app']);
  await refused(sheets.getSheet({ id: 1 }), 404, 1006);
  await refused((await signedIn({}, 'WRITE_SHEETS')).sheets.listSheets({}), 403, 1004);
});

await check('rows are added on top and at the bottom, one or a list', async () => {
  const { sheets } = await signedIn();
  const [{ id: sheetId }] = (await sheets.listSheets({})).data;
  const { columns } = await sheets.getSheet({ id: sheetId });
  const cells = (value) => [{ columnId: columns[0].id, value }];
  const one = await sheets.addRows({ sheetId, body: { toTop: true, cells: cells('First') } });
  assert.deepEqual([one.message, one.resultCode, one.result.rowNumber], ['SUCCESS', 0, 1]);
  const list = ['Fifth', 'Sixth'].map((value) => ({ toBottom: true, cells: cells(value) }));
  const many = await sheets.addRows({ sheetId, body: list });
  assert.deepEqual(many.result.map((row) => [row.rowNumber, row.cells[0].value]), [[5, 'Fifth'], [6, 'Sixth']]);
  assert.equal(many.version, 3);

  const add = (...rows) => sheets.addRows({ sheetId, body: rows });
  const wrong = { toTop: true, cells: [{ columnId: 1, value: 'x' }] };
  assert.deepEqual((await refused(add({ toTop: true, cells: cells('x') }, wrong), 400, 1036)).detail, { index: 1 });
  await refused(add({ toTop: true, cells: [{ columnId: columns[2].id, value: 'soon' }] }), 400, 1042);
  await refused(add({ cells: cells('x') }), 400, 1062);
  await refused(add({ toTop: true, cells: cells('x') }, { toBottom: true, cells: cells('x') }), 400, 1123);
  assert.equal((await sheets.getSheet({ id: sheetId })).rows.length, 6);
});

await check('rows are changed in the name of whose token it is, with a version and a history', async () => {
  const [grace, sam, zoe] = await Promise.all(['full', 'minimal', 'unicode'].map((user) => signedIn({}, undefined, user)));
  const listed = (await grace.sheets.listSheets({})).data;
  const sheetId = listed.find((sheet) => sheet.name === 'Team board').id;
  const board = await sam.sheets.getSheet({ id: sheetId, queryParameters: { include: 'writerInfo' } });
  const status = board.columns.find((column) => column.title === 'Status').id;
  const row = board.rows.find((other) => other.cells[0].value === 'Look back');
  assert.equal(row.modifiedBy.email, 'sam@example.com');
  const body = [{ id: row.id, cells: [{ columnId: status, value: 'Complete' }] }];
  const saved = await grace.sheets.updateRow({ sheetId, body });
  assert.deepEqual([saved.message, saved.version, saved.result[0].id], ['SUCCESS', board.version + 1, row.id]);
  assert.equal((await sam.sheets.getSheetVersion({ sheetId })).version, board.version + 1);
  const seen = await sam.sheets.getRow({ sheetId, rowId: row.id, queryParameters: { include: 'writerInfo' } });
  assert.equal(seen.modifiedBy.name, 'Grace Hopper');
  const past = await sam.sheets.getCellHistory({ sheetId, rowId: row.id, columnId: status });
  assert.deepEqual(past.data.map((entry) => [entry.value, entry.modifiedBy.name]), [['Complete', 'Grace Hopper']]);
  const queryParameters = { ifVersionAfter: saved.version };
  assert.deepEqual(await sam.sheets.getSheet({ id: sheetId, queryParameters }), { version: saved.version });
  await refused(zoe.sheets.updateRow({ sheetId, body }), 403, 1004);
});

await check('4001 to 4004 are tried again, other errors are not', async () => {
  const reasons = [];
  const { users } = await signedIn({ retries: 4, reasons });
  for (const fault of ['maintenance', 'timeout', 'rate_limit', 'please_retry']) await failNext('/users/me', fault);
  assert.equal((await users.getCurrentUser()).lastName, 'Hopper');
  assert.deepEqual(reasons, [4001, 4002, 4003, 4004]);
  await failNext('/users/me', 'server_error');
  await refused(users.getCurrentUser(), 500, 4000);
  await failNext('/users/me', 'rate_limit', 5);
  await refused(users.getCurrentUser(), 429, 4003);
  await failNext('/users/me', 'unavailable_html');
  const html = await users.getCurrentUser().catch((error) => error);
  assert.deepEqual([html.statusCode, html.errorCode], [503, undefined]);
  await failNext('/token', 'timeout');
  const given = await code();
  assert.ok((await exchange(given, undefined, { retries: 1 })).access_token);
});

await check('revoking ends the grant', async () => {
  const tokens = await exchange(await code());
  const own = client(tokens.access_token);
  assert.deepEqual(await own.tokens.revokeAccessToken(), { resultCode: 0, message: 'SUCCESS' });
  await refused(own.users.getCurrentUser(), 401, 1002);
  await refused(refresh(tokens.refresh_token), 400, 1132);
});

process.exit(failed ? 1 : 0);
