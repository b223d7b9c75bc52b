// The libraries that are headers only, compiled once: every other file sees their declarations. Without this each of
// five hundred files compiles its own copy of asio's reactor and fmt's number formatting, which doubles the time of a
// build.
#include <boost/asio/impl/src.hpp>

#include <fmt/format-inl.h>

// What fmt declares as `extern template`, or leaves to its library.
FMT_BEGIN_NAMESPACE
namespace detail {
template auto dragonbox::to_decimal(float) noexcept -> dragonbox::decimal_fp<float>;
template auto dragonbox::to_decimal(double) noexcept -> dragonbox::decimal_fp<double>;
template auto thousands_sep_impl<char>(locale_ref) -> thousands_sep_result<char>;
template auto decimal_point_impl(locale_ref) -> char;
template void vformat_to(buffer<char>&, string_view, basic_format_args<buffer_context<char>>, locale_ref);
#ifndef FMT_STATIC_THOUSANDS_SEPARATOR
template locale_ref::locale_ref(const std::locale&);
template auto locale_ref::get<std::locale>() const -> std::locale;
#endif
} // namespace detail
FMT_END_NAMESPACE
