// Walks through a sign-in, and takes a picture of each step. Usage: node recording.mjs PROGRAM FOLDER

import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';

import { launch } from './browser.mjs';
import { Visit } from './visit.mjs';

const [program, destination] = process.argv.slice(2);
const folder = resolve(destination);
await mkdir(folder, { recursive: true });

const browser = await launch();
const visit = await Visit.start(browser, program, { name: 'recording', reach: () => {} });
let count = 0;

async function shoot() {
  await visit.page.setViewport({ width: 960, height: 640 });
  count += 1;
  await visit.page.screenshot({ path: join(folder, `${String(count).padStart(2, '0')}.png`) });
}

const allow = '[name="sandbox_decision"][value="allow"]';
const sheet = '/sheets/2331373580117892';
const field = 'main form input[type="text"]';
const write = (input) => {
  input.value = 'Written in my name';
  input.scrollIntoView({ block: 'center' });
};

// What is done before each picture.
const steps = [
  () => visit.open('/'),
  () => visit.click('a.button'),
  () => visit.click(allow),
  () => visit.open(sheet),
  async () => {
    await visit.open(`${sheet}/rows/2331373580117928`);
    await visit.page.$eval(field, write);
  },
  () => visit.click('main form[method="post"] button[type="submit"]'),
  () => visit.open('/flow'),
  () => visit.open('/flow?step=4'),
  () => visit.open('/break'),
  () => visit.click('[formaction="/break/malformed-token-answer"]'),
  () => visit.open('/flow?open=failed#failed'),
];

try {
  await visit.look({ width: 960, scheme: 'light' });
  for (const step of steps) {
    await step();
    await shoot();
  }
  await visit.open('/');
} finally {
  await visit.end();
  await browser.close();
}
console.log(`${count} pictures in ${folder}`);
