// The other side: oidc-provider as the authorization server, with a small API behind it.
//
// oidc-provider is set to be a plain OAuth 2.0 server at the addresses that the app derives from its settings, and is
// strict about everything else: the redirect URL to the letter, the client's secret in the body, codes and refresh tokens
// that work once. A code or refresh token that comes twice revokes the whole grant.

import { createServer } from 'node:http';
import { once } from 'node:events';

import Provider from 'oidc-provider';

// Written out, because JavaScript would round the number.
export const PROFILE = '{"id": 9007199254740993123, "email": "ann@example.com", "someNewField": {"a": [1, 2.50]}}';

export async function startServer({ clientId, clientSecret, redirectUrl, scope }) {
  const http = createServer();
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  const origin = `http://127.0.0.1:${http.address().port}`;

  // It warns that this is no production set-up: tokens in memory, keys and pages for development. All of that is meant.
  const { warn, info } = console;
  console.warn = console.info = () => {};
  const provider = new Provider(origin, {
    clients: [{
      client_id: clientId,
      client_secret: clientSecret,
      redirect_uris: [redirectUrl],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'client_secret_post',
    }],
    scopes: [scope],
    routes: { authorization: '/b/authorize', token: '/2.0/token' },
    // Smartsheet knows no PKCE, and always issues refresh tokens that work once.
    pkce: { required: () => false },
    issueRefreshToken: async () => true,
    rotateRefreshToken: true,
    findAccount: async (_, id) => ({ accountId: id, claims: async () => ({ sub: id }) }),
    ttl: { AccessToken: 3600, AuthorizationCode: 600, RefreshToken: 86400, Grant: 86400, Interaction: 600, Session: 86400 },
    // Its own login and consent pages. Any name and password are right.
    features: { devInteractions: { enabled: true } },
    cookies: { keys: ['only for this test'] },
  });
  Object.assign(console, { warn, info });

  const server = {
    origin,
    authorizeUrl: `${origin}/b/authorize`,
    apiUrl: `${origin}/2.0`,
    // What happened, in order: "token authorization_code 200", "users/me 401" and so on.
    log: [],
    // Everything that must not get out of the app.
    secrets: new Set([clientSecret]),
    // The access token that came last, found in the server's own store.
    lastToken: undefined,
    stop: () => { http.close(); http.closeAllConnections(); },
  };

  for (const outcome of ['success', 'error']) {
    provider.on(`grant.${outcome}`, (ctx) => {
      const { grant_type: grant, code, refresh_token: refreshToken } = ctx.oidc.params ?? {};
      for (const secret of [code, refreshToken, ctx.body?.access_token, ctx.body?.refresh_token]) {
        if (secret) server.secrets.add(secret);
      }
      server.log.push(`token ${grant} ${outcome === 'success' ? 200 : ctx.body?.error ?? 'error'}`);
    });
  }

  // The token of a request, if the authorization server stands by it.
  async function bearer(request) {
    const value = /^Bearer (\S+)$/.exec(request.headers.authorization ?? '')?.[1];
    const token = value && await provider.AccessToken.find(value);
    return token?.isValid ? token : undefined;
  }

  // RFC 6750 section 3.1: no errorCode of Smartsheet's here.
  function refuse(response) {
    response.writeHead(401, { 'content-type': 'application/json', 'www-authenticate': 'Bearer error="invalid_token"' });
    response.end('{"error": "invalid_token"}');
  }

  const oauth = provider.callback();
  http.on('request', async (request, response) => {
    const { pathname } = new URL(request.url, origin);
    if (pathname === '/2.0/users/me') {
      const token = await bearer(request);
      server.log.push(`users/me ${token ? 200 : 401}`);
      if (!token) return refuse(response);
      server.lastToken = token;
      response.writeHead(200, { 'content-type': 'application/json' });
      return response.end(PROFILE);
    }
    if (pathname === '/2.0/token' && request.method === 'DELETE') {
      const token = await bearer(request);
      server.log.push(`revoke ${token ? 200 : 401}`);
      if (!token) return refuse(response);
      await server.revokeGrant(token);
      response.writeHead(200, { 'content-type': 'application/json' });
      return response.end('{"resultCode": 0, "message": "SUCCESS"}');
    }
    return oauth(request, response);
  });

  // From now on the access token is void; its refresh token works.
  server.expireAccessToken = (token = server.lastToken) => token.destroy();

  // From now on nothing of this grant works.
  server.revokeGrant = async ({ grantId } = server.lastToken) => {
    for (const model of ['AccessToken', 'RefreshToken', 'AuthorizationCode']) {
      await provider[model].revokeByGrantId(grantId);
    }
    await (await provider.Grant.find(grantId))?.destroy();
  };

  return server;
}
