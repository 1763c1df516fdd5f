//! The layers of `app`, but for those that look at sizes.

use std::future::ready;

use axum::{
    extract::DefaultBodyLimit,
    middleware::{from_fn_with_state, map_response},
};
use tower_http::timeout::RequestBodyDeadlineLayer;

use crate::{
    http::{gate, respond, routes::Routes},
    lab::pillar::Finished,
    state::App,
};

pub fn any_size(app: &App, routes: Routes) -> Finished {
    let (guard, arriving) = (app.flood.clone(), app.settings.transport.caps.body);
    // ANCHOR: body-size
    routes
        .mount(app)
        // "Uploads of 3 MB failed with 413, and this line was the first answer that the search found."
        .layer(DefaultBodyLimit::disable())
        .layer(RequestBodyDeadlineLayer::new(arriving))
        .layer(from_fn_with_state(arriving, gate::time))
        // and `gate::sizes` went with it
        // ANCHOR_END: body-size
        .layer(app.flood.layer())
        .layer(map_response(move |answer| ready(guard.translate(answer))))
        .layer(from_fn_with_state(app.clone(), respond::respond))
        .with_state(app.clone())
}
