//! The public keys, as sites fetch them to check assertions.

use serde_json::{Value, json};

use super::keys::{SigningKeys, coordinates};

impl SigningKeys {
    /// A JSON Web Key Set (RFC 7517 section 5) of all keys.
    #[must_use]
    pub fn jwks(&self) -> Value {
        let keys = self.public().map(|(id, point)| {
            let (x, y) = coordinates(point);
            json!({"kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": id, "alg": "ES256", "use": "sig"})
        });
        json!({"keys": keys.collect::<Vec<_>>()})
    }
}
