// How a manifest's JSON is read, part by part. For the manifest*.cpp files alone.
#pragma once
#include "values/manifest.hpp"

#include <fmt/format.h>

#include <array>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::values {

// The names of the enumerations in the order of their values; defined in manifest_names.cpp.
std::span<const std::string_view> task_names();
std::span<const std::string_view> kind_names();
std::span<const std::string_view> color_names();
std::span<const std::string_view> layout_names();
std::span<const std::string_view> orientation_names();
std::span<const std::string_view> interpolation_names();
std::span<const std::string_view> tokenizer_names();
std::span<const std::string_view> cut_names();
std::span<const std::string_view> text_part_names();
std::span<const std::string_view> postprocess_names();
std::span<const std::string_view> precision_names();
std::span<const std::string_view> unknown_names();
std::span<const std::string_view> box_format_names();
std::span<const std::string_view> box_column_names();
std::span<const std::string_view> activation_names();
std::span<const std::string_view> isolation_names();

std::optional<std::uint32_t> color_in(const json::value& value); // "#rrggbb" as 0xRRGGBB

// One object of the manifest. A member that is wrong gives nothing, and the first such is what the whole manifest is
// refused with: a reader need not look after each member, but must before it relies on one. Borrows both arguments.
class Part {
public:
    Part(const json::object& object, std::string name, std::optional<Error>& problem)
        : object_{object},
          name_{std::move(name)},
          problem_{problem} {}

    bool ok() const { return !problem_; }
    bool has(std::string_view member) const { return field(object_, member) != nullptr; }
    const std::string& name() const { return name_; } // "inputs[1]"; empty for the manifest itself
    const json::value* value(std::string_view member) const { return field(object_, member); }

    template <class... Args>
    void refuse(fmt::format_string<Args...> format, Args&&... args) {
        refuse_text(fmt::format(format, std::forward<Args>(args)...));
    }
    void only(std::initializer_list<std::string_view> members);
    // Of an input of another kind: says to which kind the member belongs.
    void none_of(std::initializer_list<std::string_view> members, std::string_view belongs_to);

    // Absent: nothing, and no problem.
    std::optional<std::string> text(std::string_view member, std::size_t longest);
    std::optional<std::int64_t> integer(std::string_view member, std::int64_t low, std::int64_t high);
    std::optional<double> number(std::string_view member, double low, double high);
    std::optional<std::uint32_t> color(std::string_view member); // "#rrggbb"
    std::optional<bool> truth(std::string_view member);
    std::vector<double> numbers(std::string_view member); // finite
    std::vector<std::int64_t> integers(std::string_view member, std::int64_t low, std::int64_t high, std::size_t most);
    std::vector<std::string> words(std::string_view member, std::size_t most, std::size_t longest); // none twice
    std::optional<Part> part(std::string_view member);                                              // an object

    // One of `names`, by its place among them.
    template <class Enum>
    std::optional<Enum> choice(std::string_view member, std::span<const std::string_view> names) {
        const auto place = choice_place(member, names);
        return place ? std::optional{static_cast<Enum>(*place)} : std::nullopt;
    }
    template <class Enum>
    Enum choice_or(std::string_view member, std::span<const std::string_view> names, Enum otherwise) {
        return has(member) ? choice<Enum>(member, names).value_or(otherwise) : otherwise;
    }

    Part inside(const json::object& object, std::string name) const { return {object, std::move(name), problem_}; }

private:
    void refuse_text(std::string text);
    std::optional<std::size_t> choice_place(std::string_view member, std::span<const std::string_view> names);
    template <class T>
    std::optional<T> keep(Result<std::optional<T>> result);

    const json::object& object_;
    std::string name_;
    std::optional<Error>& problem_;
};

// Each reads what its name says and checks it within itself; in the file of that name (manifest_image.cpp …).
TensorSpec read_tensor(Part& part, std::string default_name);
InputSpec read_input(Part& part, std::string default_name);
OutputSpec read_output(Part& part, std::string default_name);
ImageRule read_image(Part& part, const TensorSpec& tensor);
TextRule read_text(Part& part, const TensorSpec& tensor);
void link_text(Part& part, std::vector<InputSpec>& inputs); // the last one, if it goes with the text of one before it
std::vector<Column> read_columns(Part& part, const TensorSpec& tensor);
void read_postprocess(Part& root, Manifest& manifest);
ObjectRule read_objects(Part& part, const Manifest& manifest);
void check_objects(Part& root, const Manifest& manifest);
void write_objects(const Manifest& manifest, json::object& object);
bool is_floating(Datatype type);
void read_serving(Part& root, Manifest& manifest); // batching, limits, execution, warm-up, cache, fallback, accuracy
void read_chain_serving(Part& root, Manifest& manifest); // of a chain: fallback, accuracy
void read_steps(Part& root, Manifest& manifest);         // of a chain
void check_task(Part& root, const Manifest& manifest);   // what each task demands of outputs, labels and postprocessing

json::object tensor_json(const TensorSpec& spec);
json::object input_json(const InputSpec& input, const std::vector<InputSpec>& all);
json::object output_json(const OutputSpec& output);
json::object postprocess_json(const Manifest& manifest);
void write_serving(const Manifest& manifest, json::object& root);
void write_chain_serving(const Manifest& manifest, json::object& root);
json::array steps_json(const std::vector<Step>& steps);

} // namespace millrace::values
