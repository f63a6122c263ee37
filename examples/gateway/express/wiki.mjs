// A site of two pages: everybody sees the first, and the second shows who is signed in, and adds a row to a sheet as that person.
// Behind a proxy, such as ../../../deploy/gateway/Caddyfile.

import express from 'express';

import { addRow } from './as-me.mjs';
import { signedIn } from './signed-in.mjs';

const [host, port] = (process.env.LISTEN ?? '127.0.0.1:3000').split(':');
const site = express();
// The app that signs people in, and this site, as browsers reach them.
const appUrl = process.env.APP_URL ?? 'http://localhost:8080';
const siteUrl = process.env.SITE_URL ?? 'http://wiki.localhost:8000';
const person = signedIn({ appUrl, siteUrl });
// Where rows are added.
const sheet = process.env.SHEET ?? 'Team board';

const escaped = (text) => text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);

site.get('/', (_request, response) => {
  response.send("<!DOCTYPE html><title>Wiki</title><p>Everybody sees this. <a href='/me'>Who am I?</a>");
});

site.get('/me', person, (request, response) => {
  const { name, email } = request.user;
  response.send(`<!DOCTYPE html><title>Wiki</title><p>You are ${escaped(name)} (${escaped(email)}).</p>
<form method='post' action='/rows'>
<label>What is to be done? <input name='text' required></label> <button>Add a row as me</button></form>
<form method='post' action='/auth/sign-out'><button>Sign out</button></form>`);
});

// Browsers say from which site a form came.
const fromHere = (request, response, next) => {
  if (request.get('origin') === siteUrl) next();
  else response.status(403).send('This came from another site.');
};

site.post('/rows', person, fromHere, express.urlencoded({ extended: false }), async (request, response) => {
  const text = String(request.body?.text ?? '');
  try {
    const by = await addRow(appUrl, request, sheet, text);
    if (by === undefined) return response.status(404).type('text').send(`You have no sheet ${sheet}.`);
    return response.send(`<!DOCTYPE html><title>Wiki</title><p>“${escaped(text)}” was added by ${escaped(by)}.</p>`);
  } catch (error) {
    if (error.refused) return response.status(502).send(`Smartsheet, or the app before it, refused: status ${error.refused}.`);
    return response.status(504).send('There is no answer. Look at the sheet before you try again.');
  }
});

site.listen(Number(port), host, () => console.log(`listening on http://${host}:${port}`));
