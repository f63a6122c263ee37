// Chromium, as the machine has it: what puppeteer is to launch.

import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

export function chromium() {
  return {
    // The shell is Chromium without windows of its own around the pages, which are half the work.
    executablePath: find(['chromium-headless-shell', 'chromium', 'google-chrome', 'chromium-browser']),
    headless: true,
    // Generous, for a machine that is busy with other things.
    protocolTimeout: 90_000,
    args: [
      // It meets no page but ours, and containers seldom allow Chromium's own sandbox.
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--no-first-run',
    ],
  };
}

function find(names) {
  for (const name of names) {
    for (const folder of process.env.PATH.split(delimiter)) {
      const file = join(folder, name);
      try {
        accessSync(file, constants.X_OK);
        return file;
      } catch {
        // Not there; the next folder may have it.
      }
    }
  }
  throw new Error(`none of ${names.join(', ')} is installed; ./scripts/test installs Chromium on Debian`);
}
