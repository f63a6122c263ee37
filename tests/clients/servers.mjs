// The real program, as a sandbox and as the app, for scripts with real browsers.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const [program] = process.argv.slice(2);

// What the app is registered with at the sandbox.
export const APP = { id: 'app-7fq', secret: 'not-to-be-guessed' };

// What is to be ended after a run, in this order.
const ends = [];

export function atTheEnd(end) {
  ends.unshift(end);
}

export async function endAll() {
  for (const end of ends.splice(0)) await end();
}

function started(args, env, stdio, cwd) {
  const child = spawn(program, args, { cwd, env: { PATH: process.env.PATH, RUST_LOG: 'warn', ...env }, stdio });
  atTheEnd(() => child.kill());
  return child;
}

export async function startSandbox(redirectUrl) {
  const app = ['--client-id', APP.id, '--client-secret', APP.secret, '--redirect-url', redirectUrl];
  const child = started(['sandbox', '--listen', '127.0.0.1:0', ...app], {}, ['ignore', 'pipe', 'inherit']);
  const [line] = await once(createInterface(child.stdout), 'line');
  return line.slice('listening on '.length);
}

// The app on `port`, which browsers know as `base`, with further settings as variables. Without a sandbox, it has
// its own.
export async function startInstance(port, base, sandbox, { store, ...settings } = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'clients-'));
  atTheEnd(() => rmSync(folder, { recursive: true, force: true }));
  const child = started(['serve'], {
    HOME: folder,
    SERVER_LISTEN: `127.0.0.1:${port}`,
    SERVER_BASE_URL: base,
    ...(sandbox && {
      SMARTSHEET_REGION: 'us',
      SMARTSHEET_CLIENT_ID: APP.id,
      SMARTSHEET_CLIENT_SECRET: APP.secret,
      SMARTSHEET_AUTHORIZE_URL: `${sandbox}/b/authorize`,
      SMARTSHEET_API_URL: `${sandbox}/2.0`,
    }),
    SESSION_STORE: store ?? `sqlite://${folder}/sessions.db`,
    ...settings,
  }, ['ignore', 'ignore', 'inherit'], folder);
  const ready = () => fetch(`http://127.0.0.1:${port}/readyz`).then((answer) => answer.ok, () => false);
  while (!(await ready())) {
    if (child.exitCode !== null) throw new Error('the app does not start');
    await new Promise((wake) => { setTimeout(wake, 20); });
  }
}
