// A PostgreSQL of the test's own, in a folder of its own, on a free port.

import { execFileSync, spawn } from 'node:child_process';
import { chownSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const STARTS_WITHIN_MS = 30_000;

// Debian keeps each version's programs in a folder of its own.
function programs() {
  const all = '/usr/lib/postgresql';
  const [version] = readdirSync(all).sort((one, other) => Number(other) - Number(one));
  if (!version) throw new Error(`no PostgreSQL below ${all}; ./scripts/setup installs it on Debian`);
  return join(all, version, 'bin');
}

// The server refuses to run as root.
function owner() {
  if (process.getuid() !== 0) return {};
  const id = (flag) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}

// Gives the URL of an empty database, and what stops the server.
export async function startPostgres(port) {
  const bin = programs();
  const as = owner();
  const folder = mkdtempSync(join(tmpdir(), 'postgres-'));
  if (as.uid !== undefined) chownSync(folder, as.uid, as.gid);
  const data = join(folder, 'data');
  const made = ['-D', data, '-U', 'app', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'];
  execFileSync(join(bin, 'initdb'), made, { cwd: folder, stdio: 'ignore', ...as });
  const listen = ['-c', 'listen_addresses=127.0.0.1', '-c', `unix_socket_directories=${folder}`];
  const server = spawn(join(bin, 'postgres'), ['-D', data, '-p', String(port), ...listen], {
    cwd: folder, stdio: 'ignore', ...as,
  });
  const stop = () => {
    server.kill('SIGQUIT');
    rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  };
  const deadline = Date.now() + STARTS_WITHIN_MS;
  for (;;) {
    try {
      execFileSync(join(bin, 'pg_isready'), ['-h', '127.0.0.1', '-p', String(port)], { stdio: 'ignore' });
      return { url: `postgres://app@127.0.0.1:${port}/postgres`, stop };
    } catch (error) {
      if (server.exitCode !== null || Date.now() > deadline) {
        stop();
        throw new Error('PostgreSQL does not start', { cause: error });
      }
      await new Promise((wake) => { setTimeout(wake, 50); });
    }
  }
}
