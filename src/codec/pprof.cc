#include "codec/pprof.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <string_view>
#include <vector>

#include "codec/gzip.h"

namespace hunt::codec {

namespace {

// Protocol buffers: each field begins with its number and how it is written.
class Message {
 public:
  void number(unsigned field, std::uint64_t value) {
    if (value == 0) return;  // the default
    key(field, 0);
    varint(value);
  }
  void bytes(unsigned field, std::string_view value) {
    key(field, 2);
    varint(value.size());
    text_ += value;
  }
  void varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) text_ += static_cast<char>(0x80 | (value & 0x7f));
    text_ += static_cast<char>(value);
  }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  void key(unsigned field, unsigned how) { varint(field << 3 | how); }
  std::string text_;
};

// The strings of a profile, by number; the first one is empty.
class Strings {
 public:
  std::uint64_t operator()(const std::string& text) {
    const auto [at, is_new] = known_.emplace(text, known_.size());
    if (is_new) order_.push_back(&at->first);
    return at->second;
  }
  void write(Message& profile) const {
    for (const std::string* text : order_) profile.bytes(6, *text);
  }

 private:
  std::map<std::string, std::uint64_t> known_{{"", 0}};
  std::vector<const std::string*> order_{&known_.begin()->first};
};

std::string value_type(Strings& strings, const char* type, const char* unit) {
  Message made;
  made.number(1, strings(type));
  made.number(2, strings(unit));
  return made.text();
}

// One location and one function for each frame; numbers begin at 1.
void write_frames(const model::Profile& profile, Strings& strings, Message& out) {
  std::map<std::string, std::uint64_t> mappings;
  for (std::size_t i = 0; i < profile.frames.size(); ++i) {
    const model::ProfileFrame& frame = profile.frames[i];
    Message function;
    function.number(1, i + 1);
    function.number(2, strings(frame.name));
    function.number(3, strings(frame.name));
    function.number(4, strings(frame.module));
    out.bytes(5, function.text());
    Message line;
    line.number(1, i + 1);
    Message location;
    location.number(1, i + 1);
    if (!frame.module.empty())
      location.number(2, mappings.emplace(frame.module, mappings.size() + 1).first->second);
    location.number(3, frame.address);
    location.bytes(4, line.text());
    out.bytes(4, location.text());
  }
  for (const auto& [file, number] : mappings) {
    Message mapping;
    mapping.number(1, number);
    mapping.number(5, strings(file));
    if (file == profile.program) mapping.number(6, strings(profile.build_id));
    mapping.number(7, 1);  // has functions: nobody need look for symbols
    out.bytes(3, mapping.text());
  }
}

// What is told of each stack.
struct Type {
  const char* name;
  const char* unit;
  std::int64_t (*value)(const model::Profile&, const model::ProfileStack&);
};

std::vector<Type> types_of(const model::Profile& profile) {
  using model::Profile;
  using Stack = model::ProfileStack;
  const auto samples = [](const Profile&, const Stack& stack) { return stack.samples; };
  switch (profile.kind) {
    case model::ProfileKind::heap:
      break;
    case model::ProfileKind::wall:
      return {{"wall", "microseconds", samples}};
    case model::ProfileKind::cpu:
      return {{"samples", "count", samples},
              {"cpu", "nanoseconds",
               [](const Profile& of, const Stack& stack) { return stack.samples * of.period_ns; }}};
  }
  const Type used{"inuse_space", "bytes", samples};
  const bool counted =
      std::any_of(profile.stacks.begin(), profile.stacks.end(),
                  [](const Stack& stack) { return stack.heap.allocated_bytes > 0; });
  if (!counted) return {used};
  return {{"alloc_objects", "count",
           [](const Profile&, const Stack& stack) { return stack.heap.allocated_objects; }},
          {"alloc_space", "bytes",
           [](const Profile&, const Stack& stack) { return stack.heap.allocated_bytes; }},
          {"inuse_objects", "count",
           [](const Profile&, const Stack& stack) { return stack.heap.used_objects; }},
          used};
}

}  // namespace

std::string write_pprof(const model::Profile& profile) {
  Strings strings;
  Message out;
  const std::vector<Type> types = types_of(profile);
  for (const Type& type : types) out.bytes(1, value_type(strings, type.name, type.unit));
  for (const auto& stack : profile.stacks) {
    Message locations;  // leaf first
    std::for_each(stack.frames.rbegin(), stack.frames.rend(),
                  [&](auto frame) { locations.varint(std::uint64_t{frame} + 1); });
    Message values;
    for (const Type& type : types)
      values.varint(static_cast<std::uint64_t>(type.value(profile, stack)));
    Message sample;
    sample.bytes(1, locations.text());
    sample.bytes(2, values.text());
    out.bytes(2, sample.text());
  }
  write_frames(profile, strings, out);
  out.number(9, static_cast<std::uint64_t>(profile.began_us) * 1'000);
  out.number(10, static_cast<std::uint64_t>(profile.duration_ns));
  if (profile.kind == model::ProfileKind::cpu) {
    out.bytes(11, value_type(strings, "cpu", "nanoseconds"));
    out.number(12, static_cast<std::uint64_t>(profile.period_ns));
  }
  strings.write(out);
  return out.text();
}

std::string write_packed_pprof(const model::Profile& profile) {
  return gzip(write_pprof(profile));
}

}  // namespace hunt::codec
