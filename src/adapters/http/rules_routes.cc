// The timeline of rules: what is in force, from when on, and what is stopped; and changes of it.
#include <fmt/format.h>

#include "adapters/http/routes.h"
#include "base/text.h"
#include "base/utf8.h"
#include "codec/json_rules.h"
#include "model/limits.h"

namespace hunt::http {

using boost::asio::awaitable;

namespace {

Result<ports::RulesDesk*> desk_of(const Context& context) {
  if (context.ports.rules_desk != nullptr) return context.ports.rules_desk;
  return fail(Errc::unsupported, "this process has no rules: ask `hunt serve`");
}

// Goes into the timeline as it is, and into logs.
Result<std::string> words_of(const Call& call, const char* name, std::string otherwise) {
  const std::string* text = call.target.find(name);
  if (text == nullptr || text->empty()) return otherwise;
  if (is_plain_line(*text) && text->size() <= limits::rules_note_bytes_max) return *text;
  return fail(Errc::invalid_argument,
              fmt::format("expected at most {} bytes of UTF-8 on one line, without control "
                          "characters",
                          limits::rules_note_bytes_max),
              name);
}

Result<model::RulesChange> change_of(const Call& call, model::RulesChange::Kind kind) {
  model::RulesChange change;
  change.kind = kind;
  HUNT_TRY(by, words_of(call, "by", "an admin"));
  HUNT_TRY(note, words_of(call, "note", {}));
  change.turn.by = std::move(by);
  change.turn.note = std::move(note);
  return change;
}

awaitable<Result<Response>> make(Context& context, model::RulesChange change,
                                 model::RulesFiles files = {}) {
  HUNT_CO_TRY(desk, desk_of(context));
  HUNT_CO_TRY(done, co_await desk->change(std::move(change), std::move(files)));
  co_return json_response(codec::write_rules(done.timeline, done.missing));
}

}  // namespace

awaitable<Result<Response>> get_rules(Context& context, const Call&) {
  HUNT_CO_TRY(desk, desk_of(context));
  co_return json_response(codec::write_rules(desk->timeline(), desk->missing()));
}

awaitable<Result<Response>> push_rules(Context& context, const Call& call) {
  HUNT_CO_TRY(files, codec::parse_rules_files(call.request.body));
  HUNT_CO_TRY(change, change_of(call, model::RulesChange::Kind::turn));
  HUNT_CO_TRY(revision, call.target.number("revision", 0, 0, codec::rules_revision_max));
  change.turn.revision = revision;
  change.turn.from_us = model::time_us_min;
  if (const std::string* text = call.target.find("activates"); text != nullptr) {
    const auto time_us = parse_time_us(*text);
    if (!time_us) {
      co_return fail(Errc::invalid_argument,
                     fmt::format("activates: expected a time as in RFC 3339, such as "
                                 "2026-11-23T14:03:00Z, found \"{}\"",
                                 printable(*text)),
                     "activates");
    }
    change.turn.from_us = *time_us;
  }
  co_return co_await make(context, std::move(change), std::move(files));
}

awaitable<Result<Response>> roll_rules_back(Context& context, const Call& call) {
  HUNT_CO_TRY(change, change_of(call, model::RulesChange::Kind::rollback));
  if (const std::string* version = call.target.find("version")) change.version = *version;
  co_return co_await make(context, std::move(change));
}

awaitable<Result<Response>> stop_event(Context& context, const Call& call) {
  HUNT_CO_TRY(change, change_of(call, model::RulesChange::Kind::stop));
  change.event = call.target.segments()[2];
  co_return co_await make(context, std::move(change));
}

awaitable<Result<Response>> start_event(Context& context, const Call& call) {
  HUNT_CO_TRY(change, change_of(call, model::RulesChange::Kind::start));
  change.event = call.target.segments()[2];
  co_return co_await make(context, std::move(change));
}

}  // namespace hunt::http
