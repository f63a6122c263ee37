// Believes the assertion of the app that signs people in, and nothing else, whatever the proxy lets through.

import { createRemoteJWKSet, errors, jwtVerify } from 'jose';

// Who may be expected to be wrong: the token. Everything else is a failure of this site or of the app.
const REFUSED = [
  errors.JWTClaimValidationFailed, errors.JWTExpired, errors.JWTInvalid, errors.JWSInvalid, errors.JWSSignatureVerificationFailed,
  errors.JOSEAlgNotAllowed, errors.JOSENotSupported, errors.JWKSNoMatchingKey,
];

export function signedIn({ appUrl, siteUrl }) {
  const keys = createRemoteJWKSet(new URL('/.well-known/jwks.json', appUrl), { cacheMaxAge: 300_000 });
  return async (request, response, next) => {
    try {
      const { payload } = await jwtVerify(request.get('x-smartsheet-assertion') ?? '', keys, {
        algorithms: ['ES256'],
        audience: siteUrl,
        issuer: appUrl,
        clockTolerance: 30,
        requiredClaims: ['aud', 'exp', 'iat', 'iss', 'sub'],
      });
      request.user = payload;
    } catch (error) {
      if (REFUSED.some((kind) => error instanceof kind)) {
        response.status(401).send('Nobody is signed in here.');
      } else {
        response.status(503).send("The keys that prove who you are can't be fetched. Try again in a moment.");
      }
      return;
    }
    next();
  };
}
