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

const scrollTo = (selector) => visit.page.$eval(selector, (element) => element.scrollIntoView({ block: 'center' }));

try {
  await visit.look({ width: 960, scheme: 'light' });
  await visit.open('/');
  await shoot();
  await visit.click('a.button');
  await shoot();
  await visit.click('[name="sandbox_decision"][value="allow"]');
  await shoot();
  await visit.open('/sheets/2331373580117892');
  await shoot();
  await visit.open('/sheets/2331373580117892/rows/2331373580117928');
  const field = 'main form input[type="text"]';
  await visit.page.$eval(field, (input) => { input.value = 'Written in my name'; });
  await scrollTo(field);
  await shoot();
  await visit.click('main form[method="post"] button[type="submit"]');
  await shoot();
  await visit.open('/flow');
  await shoot();
  await visit.open('/flow?step=4');
  await shoot();
  await visit.open('/break');
  await shoot();
  await visit.click('[formaction="/break/malformed-token-answer"]');
  await shoot();
  await visit.open('/flow?open=failed#failed');
  await shoot();
  await visit.open('/');
} finally {
  await visit.end();
  await browser.close();
}
console.log(`${count} pictures in ${folder}`);
