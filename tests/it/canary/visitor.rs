//! Visitors: what their browsers send on each route, and what the backend is to see of it.

use proptest::prelude::*;

use crate::support::Get;

/// Somebody, and what the browser sends along.
#[derive(Clone, Debug)]
pub(super) struct Visitor {
    user: u8,
    has_session: bool,
    has_bearer: bool,
    tracking: Option<u8>,
    tracking_first: bool,
    tenant: Option<u8>,
    lang: Option<u8>,
    room: char,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Route {
    Public,
    Bearer,
    Session,
    Cookies,
    Tenant,
    Room,
    Private,
}

// === impl Visitor ===

impl Visitor {
    fn cookie(&self) -> Option<String> {
        let session = self.has_session.then(|| format!("session=u{}", self.user));
        let tracking = self.tracking.map(|t| format!("_ga={t}"));
        let mut all: Vec<String> = [session, tracking].into_iter().flatten().collect();
        if self.tracking_first {
            all.reverse();
        }
        (!all.is_empty()).then(|| all.join("; "))
    }

    /// What the browser sends.
    pub(super) fn get(&self, route: Route, resume: Option<&str>) -> Get {
        let user = self.user;
        let lang = self
            .lang
            .map_or(String::new(), |lang| format!("&lang={lang}"));
        let path = match route {
            Route::Public => "public".to_owned(),
            Route::Bearer => "bearer".to_owned(),
            Route::Session => "session".to_owned(),
            Route::Cookies => "cookies".to_owned(),
            Route::Tenant => "tenant".to_owned(),
            Route::Room => format!("rooms/{}", self.room),
            Route::Private => "private".to_owned(),
        };
        let mut get = Get::new(&format!("/{path}?token=u{user}{lang}&_={user}"))
            .from(&format!("127.0.0.{}", user + 2))
            .header("X-Remote-User", &format!("u{user}"))
            .header("X-Forwarded-For", &format!("10.0.0.{user}"))
            .header("User-Agent", &format!("agent-u{user}"));
        if let Some(cookie) = self.cookie() {
            get = get.header("Cookie", &cookie);
        }
        if self.has_bearer {
            get = get.header("Authorization", &format!("Bearer u{user}"));
        }
        if let Some(tenant) = self.tenant {
            get = get.header("X-Tenant", &format!("t{tenant}"));
        }
        match resume {
            Some(id) => get.after(id),
            None => get,
        }
    }

    /// The stamp of all that this visitor may see on this route.
    pub(super) fn expected(&self, route: Route, resume: Option<&str>) -> String {
        let user = self.user;
        let session = self.has_session.then(|| format!("cookie=session=u{user}"));
        let cookie = self.cookie().map(|cookie| format!("cookie={cookie}"));
        let bearer = self
            .has_bearer
            .then(|| format!("authorization=Bearer u{user}"));
        let tenant = self.tenant.map(|tenant| format!("x-tenant=t{tenant}"));
        let lang = self
            .lang
            .map_or(String::new(), |lang| format!("&lang={lang}"));
        let (target, headers) = match route {
            Route::Public => ("/public".to_owned(), vec![]),
            Route::Bearer => ("/bearer".to_owned(), vec![bearer]),
            Route::Session => ("/session".to_owned(), vec![session]),
            Route::Cookies => ("/cookies".to_owned(), vec![cookie]),
            Route::Tenant => (format!("/tenant?x=1{lang}"), vec![session, tenant]),
            Route::Room => (format!("/rooms?room={}", self.room), vec![]),
            Route::Private => {
                let agent = Some(format!("user-agent=agent-u{user}"));
                let address = Some(format!("x-forwarded-for=127.0.0.{}", user + 2));
                let resume = resume.map(|id| format!("last-event-id={id}"));
                (
                    "/private".to_owned(),
                    vec![bearer, cookie, resume, agent, address],
                )
            }
        };
        let headers: Vec<String> = headers.into_iter().flatten().collect();
        if headers.is_empty() {
            format!("{target} anonymous")
        } else {
            format!("{target} {}", headers.join(" "))
        }
    }
}

pub(super) fn visitor() -> impl Strategy<Value = Visitor> {
    let flags = (any::<bool>(), any::<bool>(), any::<bool>());
    let values = (
        prop::option::of(0..3u8),
        prop::option::of(0..2u8),
        prop::option::of(0..2u8),
    );
    (
        0..5u8,
        flags,
        values,
        prop::sample::select(vec!['a', 'b', 'c']),
    )
        .prop_map(
            |(user, (has_session, has_bearer, tracking_first), (tracking, tenant, lang), room)| {
                Visitor {
                    user,
                    has_session,
                    has_bearer,
                    tracking,
                    tracking_first,
                    tenant,
                    lang,
                    room,
                }
            },
        )
}
