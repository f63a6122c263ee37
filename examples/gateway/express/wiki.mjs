// A site of two pages: everybody sees the first, and the second shows who is signed in. Behind a proxy, such as
// ../../../deploy/gateway/Caddyfile.

import express from 'express';

import { signedIn } from './signed-in.mjs';

const [host, port] = (process.env.LISTEN ?? '127.0.0.1:3000').split(':');
const site = express();
// The app that signs people in, and this site, as browsers reach them.
const person = signedIn({
  appUrl: process.env.APP_URL ?? 'http://localhost:8080',
  siteUrl: process.env.SITE_URL ?? 'http://wiki.localhost:8000',
});

const escaped = (text) => text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);

site.get('/', (_request, response) => {
  response.send("<!DOCTYPE html><title>Wiki</title><p>Everybody sees this. <a href='/me'>Who am I?</a>");
});

site.get('/me', person, (request, response) => {
  const { name, email } = request.user;
  response.send(`<!DOCTYPE html><title>Wiki</title><p>You are ${escaped(name)} (${escaped(email)}).</p>
<form method='post' action='/auth/sign-out'><button>Sign out</button></form>`);
});

site.listen(Number(port), host, () => console.log(`listening on http://${host}:${port}`));
