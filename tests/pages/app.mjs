// The real program in a folder of its own, on a free port, in sandbox mode unless the settings say otherwise.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { freePort } from '../free_port.mjs';

const STARTS_WITHIN_MS = 20_000;
const CLIENT_ID = 'app-7fq';
export const CLIENT_SECRET = 'not-to-be-guessed';

// Programs that run, each with its folder if it has one.
const running = new Map();

// `publicPort` is for whoever puts something between the browser and the app.
export async function startApp(program, { settings = {}, port, publicPort = port }) {
  const folder = await mkdtemp(join(tmpdir(), 'pages-'));
  // By name for browsers, as people open it. By address for ourselves: `localhost` may be ::1 first.
  const url = `http://localhost:${publicPort}`;
  const address = `http://127.0.0.1:${port}`;
  const child = spawn(program, ['serve'], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'pipe'],
    env: {
      PATH: process.env.PATH,
      RUST_LOG: 'warn',
      SERVER_LISTEN: `127.0.0.1:${port}`,
      SERVER_BASE_URL: url,
      SESSION_STORE: 'sqlite://sessions.db',
      ...settings,
    },
  });
  running.set(child, folder);
  let log = '';
  child.stderr.on('data', (text) => { log += text; });
  const alive = () => fetch(`${address}/readyz`).then((answer) => answer.ok, () => false);
  await until(alive, () => child.exitCode === null, () => `the app does not start:\n${log}`);
  return {
    url,
    address,
    folder,
    sandbox: `${address}/sandbox`,
    // Whatever it wrote, it is gone with the folder: no need to stop in good order.
    stop: () => end(child, folder),
  };
}

// An app that is registered with a Smartsheet which is not part of it: the stand-in alone.
export async function startRegisteredApp(program, { clientSecret }) {
  const port = await freePort();
  const smartsheet = await startSandbox(program, `http://localhost:${port}/redirect`);
  const settings = {
    SMARTSHEET_REGION: 'us',
    SMARTSHEET_CLIENT_ID: CLIENT_ID,
    SMARTSHEET_CLIENT_SECRET: clientSecret,
    SMARTSHEET_AUTHORIZE_URL: `${smartsheet.url}/b/authorize`,
    SMARTSHEET_API_URL: `${smartsheet.url}/2.0`,
  };
  return { smartsheet, app: await startApp(program, { settings, port }) };
}

async function startSandbox(program, redirectUrl) {
  const registration = ['--client-id', CLIENT_ID, '--client-secret', CLIENT_SECRET, '--redirect-url', redirectUrl];
  const child = spawn(program, ['sandbox', '--listen', '127.0.0.1:0', ...registration], {
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { PATH: process.env.PATH },
  });
  running.set(child, undefined);
  let output = '';
  child.stdout.on('data', (text) => { output += text; });
  const url = () => /listening on (http:\S+)/.exec(output)?.[1];
  await until(url, () => child.exitCode === null, () => 'the sandbox does not start');
  return { url: url(), stop: () => end(child) };
}

async function end(child, folder) {
  running.delete(child);
  if (child.exitCode === null && child.signalCode === null) {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  if (folder) await rm(folder, { recursive: true, force: true });
}

// When we are ended ourselves, nothing stays behind.
process.on('exit', () => running.forEach((folder, child) => {
  child.kill('SIGKILL');
  if (folder) rmSync(folder, { recursive: true, force: true });
}));
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => process.exit(1));

async function until(reached, possible, otherwise) {
  const deadline = Date.now() + STARTS_WITHIN_MS;
  while (!(await reached())) {
    if (!possible() || Date.now() > deadline) throw new Error(otherwise());
    await new Promise((wake) => { setTimeout(wake, 20); });
  }
}
