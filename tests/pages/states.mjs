// Every page, in every state that a person can meet. A state has a name, the HTTP status of its page, and how to reach it.
// With a `clientSecret` the app is not in sandbox mode; `details: 'open'` opens all that is folded away; `inPieces` looks for
// what moves while the page arrives, once for each template, because it takes long.

import { open } from 'node:fs/promises';
import { join } from 'node:path';

import { CLIENT_SECRET } from './app.mjs';
import { SHEET_STATES, saveRow } from './sheets.mjs';

// The users of the sandbox whose profile can be seen.
const PROFILES = ['full', 'minimal', 'unicode', 'long', 'rtl', 'markup', 'many', 'odd'];
// Names that a page has to cope with wherever it shows one.
const HARD_NAMES = ['unicode', 'long', 'rtl', 'markup'];

// What can be tried out at /break, and the status of the page where it ends.
const BREAKAGES = {
  deny: 403,
  'forged-state': 400,
  'refused-request': 502,
  'expired-code': 400,
  'wrong-secret': 502,
  'malformed-token-answer': 502,
  'expired-token': 200,
  'revoked-grant': 401,
  'failing-refresh': 502,
  'rate-limit': 200,
  'long-rate-limit': 503,
  maintenance: 503,
  'server-error': 502,
  'malformed-answer': 502,
  'broken-connection': 502,
  'no-api-access': 403,
  'row-changed-meanwhile': 409,
  'sheet-deleted-meanwhile': 404,
  'value-refused': 422,
  'saving-twice-at-once': 200,
  'large-sheet': 200,
};
// Those for which the app's patience has to run out.
const SLOW_BREAKAGES = { 'hanging-exchange': 504, 'hanging-call': 504 };

const ME = '/2.0/users/me';
const TOKEN = '/2.0/token';

const at = (path) => (visit) => visit.open(path);
// From a page of another site.
const postTo = (path) => (visit) => visit.postFromElsewhere(path);
const profileOf = (user) => (visit) => visit.signIn(user);

// Signed in, then Smartsheet fails however often it is asked.
const meWith = (fault, more = {}) => async (visit) => {
  await visit.signIn('full');
  await visit.order({ path: ME, fault, times: 100, ...more });
  await visit.open('/me');
};

// Smartsheet's access is taken away, and the app's token no longer lasts: the next call finds that out.
async function grantGone(visit) {
  await visit.signIn('full');
  await visit.control('revoke');
  await visit.open('/me');
}

async function failedExchange(visit) {
  await visit.order({ path: TOKEN, fault: 'malformed' });
  await visit.signIn('full');
}

async function expiredCode(visit) {
  const callback = await visit.callback('full');
  await visit.control('expire', { what: 'codes' });
  await visit.open(callback);
}

async function refusedScope(visit) {
  const authorize = new URL(await visit.authorize());
  authorize.searchParams.set('scope', 'READ_MINDS');
  await visit.open(authorize.href);
}

// The rows are overwritten, and SQLite's index of what is in its log forgotten, so that it looks at them.
async function storeDown(visit) {
  await visit.signIn('full');
  for (const file of ['sessions.db', 'sessions.db-wal', 'sessions.db-shm']) {
    const handle = await open(join(visit.app.folder, file), 'r+');
    const { size } = await handle.stat();
    await handle.write(Buffer.alloc(size), 0, size, 0);
    await handle.close();
  }
  await visit.open('/me');
}

async function refreshed(visit) {
  await visit.signIn('full');
  await visit.click('[formaction="/refresh"], form[action="/refresh"] button');
}

async function nameless(visit) {
  await visit.order({ path: ME, fault: 'server_error', times: 100 });
  await visit.signIn('full', '/login?return_to=/');
}

// Visits that are alike.
async function repeated(visit) {
  await visit.signIn('full');
  for (let count = 0; count < 4; count += 1) await visit.open('/me');
}

async function signedOut(visit) {
  await visit.signIn('full');
  await visit.click('main form[action="/logout"] button');
}

// The tokens can't be revoked now.
async function signedOutLater(visit) {
  await visit.signIn('full');
  await visit.order({ path: TOKEN, fault: 'server_error' });
  await visit.click('main form[action="/logout"] button');
}

// A sign-in, a refresh, calls that were repeated, and one that failed.
async function eventful(visit) {
  await refreshed(visit);
  await visit.order({ path: ME, fault: 'rate_limit', times: 2 });
  await visit.open('/me');
  await visit.order({ path: ME, fault: 'malformed', times: 100 });
  await visit.open('/me');
}

// The panel, if its buttons are those that are known here.
async function breakPanel(visit) {
  await visit.open('/break');
  const buttons = await visit.page.$$eval('main [formaction]', (all) => all.map((button) => button.formAction));
  const names = buttons.map((action) => action.split('/').at(-1)).sort().join(' ');
  const known = Object.keys({ ...BREAKAGES, ...SLOW_BREAKAGES }).sort().join(' ');
  if (names !== known) throw new Error(`/break offers ${names}; states.mjs knows ${known}`);
}

const broken = ([name, status]) => ({
  name: `break-${name}`,
  status,
  reach: async (visit) => {
    await visit.open('/break');
    await visit.click(`[formaction="/break/${name}"]`);
    // What happens to a row happens when it is saved.
    if (visit.page.url().includes('/rows/')) await saveRow(visit, 'Changed');
  },
});

const andThen = (first, second) => async (visit) => {
  await first(visit);
  await second(visit);
};
const flowAfter = (steps) => andThen(steps, at('/flow'));

export const STATES = [
  // The slowest first.
  { name: 'me-slow', status: 504, reach: meWith('slow', { delay_ms: 60_000 }) },
  ...Object.entries(SLOW_BREAKAGES).map(broken),

  { name: 'index', status: 200, inPieces: true, reach: at('/') },
  { name: 'index-registered', status: 200, clientSecret: CLIENT_SECRET, reach: at('/') },
  { name: 'index-signed-in', status: 200, inPieces: true, reach: (visit) => visit.signIn('full', '/login?return_to=/') },
  { name: 'index-nameless', status: 200, reach: nameless },
  ...HARD_NAMES.map((user) => ({
    name: `index-${user}`,
    status: 200,
    reach: (visit) => visit.signIn(user, '/login?return_to=/'),
  })),

  { name: 'consent', status: 200, inPieces: true, reach: (visit) => visit.authorize() },
  { name: 'consent-open', status: 200, details: 'open', reach: (visit) => visit.authorize() },
  { name: 'sandbox-unknown-app', status: 400, reach: at('/sandbox/b/authorize?response_type=code&client_id=nobody') },
  { name: 'sandbox-not-found', status: 404, reach: at('/sandbox/nothing') },
  { name: 'sandbox-wrong-method', status: 405, reach: postTo('/sandbox/static/sandbox.css') },

  ...PROFILES.map((user) => ({ name: `me-${user}`, status: 200, reach: profileOf(user) })),
  { name: 'me-full-open', status: 200, details: 'open', reach: profileOf('full') },
  { name: 'me-markup-open', status: 200, details: 'open', reach: profileOf('markup') },
  { name: 'me-many-open', status: 200, details: 'open', reach: profileOf('many') },
  { name: 'me-registered', status: 200, clientSecret: CLIENT_SECRET, reach: profileOf('full') },
  { name: 'me-refreshed', status: 200, inPieces: true, reach: refreshed },

  { name: 'denied', status: 403, inPieces: true, reach: (visit) => visit.deny() },
  { name: 'state-unknown', status: 400, reach: at('/redirect?code=a&state=b') },
  { name: 'callback-unreadable', status: 400, reach: at('/redirect?code=a&code=b&state=c') },
  { name: 'code-refused', status: 400, reach: expiredCode },
  { name: 'exchange-failed', status: 502, reach: failedExchange },
  { name: 'scope-refused', status: 502, reach: refusedScope },
  { name: 'secret-refused', status: 502, clientSecret: 'mistyped', reach: profileOf('full') },
  { name: 'me-not-allowed', status: 403, reach: profileOf('no-api') },
  { name: 'me-failing', status: 502, reach: meWith('server_error') },
  { name: 'me-malformed', status: 502, reach: meWith('malformed') },
  { name: 'me-maintenance', status: 503, reach: meWith('maintenance') },
  { name: 'me-rate-limited', status: 503, reach: meWith('rate_limit', { retry_after: 60 }) },
  { name: 'grant-gone', status: 401, reach: grantGone },
  { name: 'store-down', status: 503, reach: storeDown },
  { name: 'cross-site', status: 403, reach: postTo('/logout') },
  { name: 'not-found', status: 404, reach: at('/nothing-here') },
  { name: 'wrong-method', status: 405, reach: at('/logout') },

  { name: 'flow-before', status: 200, reach: at('/flow') },
  { name: 'flow-before-open', status: 200, details: 'open', reach: at('/flow') },
  { name: 'flow', status: 200, inPieces: true, reach: flowAfter(profileOf('full')) },
  { name: 'flow-open', status: 200, details: 'open', reach: flowAfter(profileOf('full')) },
  { name: 'flow-markup-open', status: 200, details: 'open', reach: flowAfter(profileOf('markup')) },
  { name: 'flow-denied', status: 200, reach: flowAfter((visit) => visit.deny()) },
  { name: 'flow-code-refused-open', status: 200, details: 'open', reach: flowAfter(expiredCode) },
  { name: 'flow-grant-gone', status: 200, reach: flowAfter(grantGone) },
  { name: 'flow-long', status: 200, reach: flowAfter(eventful) },
  { name: 'flow-failed', status: 200, reach: andThen(failedExchange, at('/flow?open=failed')) },
  { name: 'flow-repeated', status: 200, reach: flowAfter(repeated) },
  { name: 'flow-all', status: 200, reach: andThen(repeated, at('/flow?open=all')) },
  { name: 'flow-step', status: 200, reach: andThen(profileOf('full'), at('/flow?step=1')) },
  { name: 'flow-step-exchange', status: 200, reach: andThen(profileOf('full'), at('/flow?step=4')) },
  { name: 'flow-step-example', status: 200, reach: at('/flow?step=3') },
  { name: 'flow-step-none', status: 404, reach: at('/flow?step=99') },
  { name: 'signed-out', status: 200, inPieces: true, reach: signedOut },
  { name: 'signed-out-later', status: 200, reach: signedOutLater },
  { name: 'me-menu', status: 200, reach: andThen(profileOf('full'), (visit) => visit.page.click('.who summary')) },
  { name: 'flow-long-open', status: 200, details: 'open', reach: flowAfter(eventful) },

  { name: 'break', status: 200, inPieces: true, reach: breakPanel },
  { name: 'break-signed-in', status: 200, reach: andThen(profileOf('full'), at('/break')) },
  ...SHEET_STATES,

  ...Object.entries(BREAKAGES).map(broken),
];
