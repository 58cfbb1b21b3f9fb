//! Pages of lists: opaque tokens that hold the last key and a digest of the request.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::{digest, rand};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sea_orm::{ConnectionTrait, EntityTrait};

use crate::db;
use crate::error::{Error, ErrorReason};
use crate::names::Fields;

/// The rows of a page when the caller does not say.
const DEFAULT: i32 = 50;
/// The most rows of a page: a thousand rows stay far below the limit of a message.
const MAXIMUM: i32 = 1_000;

/// Seals and opens page tokens. All replicas of a service share it through their database.
pub struct Key(LessSafeKey);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(..)")
    }
}

/// One page as asked for: how many rows, from just past which key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The most rows.
    pub size: u64,
    /// The key of the last row of the page before.
    pub after: Option<String>,
    digest: Vec<u8>,
}

mod page_key {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "page_key")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i32,
        pub secret: Vec<u8>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

impl Key {
    /// The key of a service, made when its database was.
    pub async fn load(db: &impl ConnectionTrait) -> Result<Key, Error> {
        let row = page_key::Entity::find_by_id(1).one(db).await.map_err(db::sort)?;
        let secret = row.and_then(|row| row.secret.try_into().ok());
        let secret = secret.ok_or_else(|| Error::internal("the database has no page key"))?;
        Ok(Key::new(&secret))
    }

    /// From 32 secret bytes.
    pub fn new(secret: &[u8; 32]) -> Key {
        let key = UnboundKey::new(&AES_256_GCM, secret).expect("the key has the right length");
        Key(LessSafeKey::new(key))
    }

    /// Reads the paging of a request; `arguments` are its other fields, and who asks.
    pub fn open(
        &self,
        page_size: i32,
        page_token: &str,
        arguments: &str,
        fields: &mut Fields,
    ) -> Result<Page, Error> {
        if page_size < 0 {
            fields.violation("page_size", "must not be negative");
        }
        let size = if page_size == 0 { DEFAULT } else { page_size.clamp(1, MAXIMUM) };
        let size = u64::try_from(size).expect("clamped above zero");
        let digest = digest::digest(&digest::SHA256, arguments.as_bytes()).as_ref().to_vec();
        if page_token.is_empty() {
            return Ok(Page { size, after: None, digest });
        }
        let after = self.unseal(page_token, &digest).ok_or_else(|| {
            Error::refused(
                ErrorReason::PageTokenInvalid,
                "page_token must be the next_page_token of the same request",
                [],
            )
        })?;
        Ok(Page { size, after: Some(after), digest })
    }

    /// The token for the page after the row with `last`.
    pub fn seal(&self, page: &Page, last: &str) -> String {
        let mut nonce = [0; NONCE_LEN];
        rand::fill(&mut nonce).expect("the machine has randomness");
        let mut sealed = last.as_bytes().to_vec();
        self.0
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(&page.digest),
                &mut sealed,
            )
            .expect("a key is far below the limit of the cipher");
        let mut token = nonce.to_vec();
        token.extend(sealed);
        URL_SAFE_NO_PAD.encode(token)
    }

    fn unseal(&self, token: &str, digest: &[u8]) -> Option<String> {
        let mut bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        if bytes.len() < NONCE_LEN {
            return None;
        }
        let mut sealed = bytes.split_off(NONCE_LEN);
        let nonce = Nonce::try_assume_unique_for_key(&bytes).ok()?;
        let plain = self.0.open_in_place(nonce, Aad::from(digest), &mut sealed).ok()?;
        String::from_utf8(plain.to_vec()).ok()
    }
}

impl Page {
    /// Cuts one row too many off `rows` and makes the token of the next page from the last kept.
    ///
    /// The store is asked for `size + 1` rows.
    pub fn next<T>(&self, rows: &mut Vec<T>, key: &Key, last: impl Fn(&T) -> String) -> String {
        let size = usize::try_from(self.size).expect("at most a thousand");
        if rows.len() <= size {
            return String::new();
        }
        rows.truncate(size);
        rows.last().map(|row| key.seal(self, &last(row))).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_opens_only_with_the_request_that_made_it() {
        let key = Key::new(&[7; 32]);
        let mut fields = Fields::new();
        let page = key.open(2, "", "pcns/U00070", &mut fields).unwrap();
        let mut rows = vec!["a", "b", "c"];

        let token = page.next(&mut rows, &key, |row| (*row).to_owned());

        assert_eq!(rows, ["a", "b"]);
        let second = key.open(2, &token, "pcns/U00070", &mut fields).unwrap();
        assert_eq!(second.after.as_deref(), Some("b"));
        for (key, token, arguments) in [
            (&key, token.as_str(), "pcns/U00071"),
            (&Key::new(&[8; 32]), token.as_str(), "pcns/U00070"),
            (&key, "nonsense", "pcns/U00070"),
            (&key, &token[1..], "pcns/U00070"),
        ] {
            let error = key.open(2, token, arguments, &mut fields).unwrap_err();
            assert_eq!(error.reason(), ErrorReason::PageTokenInvalid);
        }
        assert!(fields.finish().is_ok());
    }

    #[test]
    fn sizes_are_bounded_and_a_negative_one_is_refused() {
        let key = Key::new(&[7; 32]);
        for (asked, given) in [(0, 50), (1, 1), (5_000, 1_000)] {
            let page = key.open(asked, "", "", &mut Fields::new()).unwrap();
            assert_eq!(page.size, given);
        }
        let mut fields = Fields::new();
        key.open(-1, "", "", &mut fields).unwrap();
        assert!(fields.finish().is_err());
    }
}
