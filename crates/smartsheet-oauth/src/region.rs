//! Where Smartsheet is.

use url::Url;

use super::{Client, Endpoints, Registration};
use crate::api::{Api, Retry};
use crate::transport::{Limits, Transport};

/// One of Smartsheet's regions, each with its own hosts, accounts and tokens (Smartsheet's documentation, "Base URLs").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Region {
    /// smartsheet.com.
    Us,
    /// smartsheet.eu.
    Eu,
    /// smartsheet.au.
    Au,
    /// smartsheetgov.com.
    Gov,
}

impl Region {
    /// The authorization endpoint: where people are asked.
    #[must_use]
    pub const fn authorize_url(self) -> &'static str {
        match self {
            Self::Us => "https://app.smartsheet.com/b/authorize",
            Self::Eu => "https://app.smartsheet.eu/b/authorize",
            Self::Au => "https://app.smartsheet.au/b/authorize",
            Self::Gov => "https://app.smartsheetgov.com/b/authorize",
        }
    }

    /// The API's base, without a slash at its end.
    #[must_use]
    pub const fn api_url(self) -> &'static str {
        match self {
            Self::Us => "https://api.smartsheet.com/2.0",
            Self::Eu => "https://api.smartsheet.eu/2.0",
            Self::Au => "https://api.smartsheet.au/2.0",
            Self::Gov => "https://api.smartsheetgov.com/2.0",
        }
    }
}

impl Region {
    /// The client and the API for an app that is registered in this region, with the default [`Limits`] and [`Retry`].
    /// `user_agent` names the app to Smartsheet, as `my-app/1.0`.
    ///
    /// # Errors
    ///
    /// As for [`Transport::new`].
    pub fn connect(
        self,
        registration: Registration,
        user_agent: &str,
    ) -> Result<(Client, Api), reqwest::Error> {
        let endpoints = Endpoints {
            authorize: url(self.authorize_url()),
            token: url(&format!("{}/token", self.api_url())),
        };
        let transport = Transport::new(&[&endpoints.token], user_agent, Limits::default())?;
        let client = Client::new(registration, endpoints, transport.clone());
        let api = Api::new(url(self.api_url()), transport, Retry::default());
        Ok((client, api))
    }
}

/// One of the addresses above.
fn url(text: &str) -> Url {
    Url::parse(text).expect("they are URLs: the test below parses each")
}

impl Endpoints {
    /// The endpoints of a server whose consent page is at `authorize_url` and whose API is at `api_url`, such as those of a
    /// [`Region`] or of a stand-in. The token endpoint is below the API, at `/token`.
    ///
    /// # Errors
    ///
    /// When either is no URL.
    ///
    /// ```
    /// use smartsheet_oauth::{Endpoints, Region};
    /// let endpoints = Endpoints::at(Region::Eu.authorize_url(), Region::Eu.api_url())?;
    /// assert_eq!(endpoints.token.as_str(), "https://api.smartsheet.eu/2.0/token");
    /// # Ok::<(), url::ParseError>(())
    /// ```
    pub fn at(authorize_url: &str, api_url: &str) -> Result<Self, url::ParseError> {
        let token_url = format!("{}/token", api_url.trim_end_matches('/'));
        Ok(Self {
            authorize: Url::parse(authorize_url)?,
            token: Url::parse(&token_url)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_region_can_be_connected_to() {
        for (region, host) in [
            (Region::Us, "app.smartsheet.com"),
            (Region::Eu, "app.smartsheet.eu"),
            (Region::Au, "app.smartsheet.au"),
            (Region::Gov, "app.smartsheetgov.com"),
        ] {
            let back = "http://localhost/redirect".parse().unwrap();
            let registration = Registration::new("id", "secret".into(), back);
            let (client, _) = region.connect(registration, "test/1.0").unwrap();
            let url = client.authorization_url(&[], &crate::State::new("state"));
            assert_eq!(url.host_str(), Some(host));
        }
    }
}
