// The words that every routes file speaks: of http, and of who may call.
#pragma once
#include "http/request.hpp"
#include "http/response.hpp"
#include "http/router.hpp"
#include "values/permission.hpp"

namespace millrace::api {

using http::BodyPolicy;
using http::Request;
using http::Response;
using http::Verb;
using http::Access;
using values::Permission;

inline constexpr bool takes_query = true; // Route::takes_query

} // namespace millrace::api
