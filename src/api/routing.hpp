// The words that every routes file speaks: of http, and of who may call.
#pragma once
#include "http/request.hpp"
#include "http/response.hpp"
#include "http/router.hpp"
#include "model/principal.hpp"

namespace millrace::api {

using http::BodyPolicy;
using http::Request;
using http::Response;
using http::Verb;
using model::Role;

inline constexpr bool open_to_all = true; // a Route's last member: no key needed

} // namespace millrace::api
