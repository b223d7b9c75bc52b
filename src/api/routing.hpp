// The words that every routes file speaks: of http, and of who may call.
#pragma once
#include "http/request.hpp"
#include "http/response.hpp"
#include "http/router.hpp"
#include "values/principal.hpp"

namespace millrace::api {

using http::BodyPolicy;
using http::Request;
using http::Response;
using http::Verb;
using values::Role;

// A Route's last two members.
inline constexpr bool open_to_all = true, needs_key = false; // Route::open
inline constexpr bool takes_query = true;                    // Route::takes_query

} // namespace millrace::api
