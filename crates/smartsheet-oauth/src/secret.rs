//! The strings of the protocol that must not be seen: each a type of its own that shows nothing of itself.

use std::fmt;

use rand::CryptoRng;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use subtle::ConstantTimeEq;

macro_rules! secret {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        ///
        /// `Debug` shows the type's name alone, and there is no `Display`. Comparing takes the same time wherever two
        /// values differ. Serialising writes the value in clear: only into something that is sealed before it is stored.
        #[derive(Clone)]
        pub struct $name(SecretString);

        impl $name {
            /// Wraps `value`.
            #[must_use]
            pub fn new(value: impl Into<String>) -> Self {
                Self(SecretString::from(value.into()))
            }

            /// The value itself, for the request that must carry it.
            #[must_use]
            pub fn expose(&self) -> &str {
                self.0.expose_secret()
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(concat!(stringify!($name), "(…)"))
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.expose().as_bytes().ct_eq(other.expose().as_bytes()).into()
            }
        }

        impl Eq for $name {}

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.expose())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer).map(Self::new)
            }
        }
    };
}

secret! {
    /// What calls to the API carry (RFC 6749 section 1.4).
    AccessToken
}
secret! {
    /// What a new pair of tokens is asked for with (RFC 6749 section 1.5). Smartsheet's work once.
    RefreshToken
}
secret! {
    /// What the callback brings and the token endpoint takes (RFC 6749 section 1.3.1). Works once, for about 10 minutes.
    AuthorizationCode
}
secret! {
    /// What binds a callback to the browser that started the sign-in (RFC 6749 section 10.12).
    State
}

impl State {
    /// 256 random bits in the URL-safe base64 alphabet: 43 characters. RFC 6749 section 10.10 asks for at least 128 bits.
    pub fn random(rng: &mut impl CryptoRng) -> Self {
        use base64::Engine as _;
        let mut bytes = [0; 32];
        rng.fill_bytes(&mut bytes);
        Self::new(base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(
            format!("{:?}", AccessToken::new("ll352u9jujauoqz4gstvsae05")),
            "AccessToken(…)"
        );
    }

    #[test]
    fn equality_is_that_of_the_values() {
        assert_eq!(RefreshToken::new("a"), RefreshToken::new("a"));
        assert_ne!(RefreshToken::new("a"), RefreshToken::new("b"));
        assert_ne!(RefreshToken::new("a"), RefreshToken::new("aa"));
    }

    #[test]
    fn states_differ_and_are_long_enough() {
        let mut rng = rand::rng();
        let (one, two) = (State::random(&mut rng), State::random(&mut rng));
        assert_ne!(one, two);
        assert_eq!(one.expose().len(), 43);
    }
}
