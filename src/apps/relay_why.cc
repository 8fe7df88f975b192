#include "apps/relay_why.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>

#include "base/random_bytes.h"
#include "base/text.h"

namespace hunt::apps {

namespace {

std::string name_of_this() {
  std::array<char, 256> machine{};
  const bool known = gethostname(machine.data(), machine.size() - 1) == 0;
  return fmt::format("{}/{}", known ? machine.data() : "localhost", getpid());
}

std::string shards_text(const std::vector<std::size_t>& shards, std::size_t of) {
  if (shards.size() == of) return of == 1 ? "its shard" : fmt::format("all {} shards", of);
  std::string text = shards.size() == 1 ? "shard " : "shards ";
  for (std::size_t i = 0; i < shards.size(); ++i) {
    text += fmt::format("{}{}", i == 0 ? "" : ", ", shards[i]);
  }
  return text;
}

}  // namespace

RelayWhy::RelayWhy(const ports::Clock& clock, std::string version)
    : clock_(clock),
      started_ns_(clock.now_ns()),
      process_{to_hex(random_bytes<16>()), "relay", name_of_this(), std::move(version), 0, 0} {}

void RelayWhy::look(const std::vector<Does>& does, const std::vector<service::Warning>& warnings) {
  model::Why now;
  now.confident = true;
  const auto add = [&](Does what, const char* begins, const char* ends) {
    std::vector<std::size_t> shards;
    for (std::size_t i = 0; i < does.size(); ++i) {
      if (does[i] == what) shards.push_back(i);
    }
    if (shards.empty()) return;
    now.verdict += fmt::format("{}{} {}{}", now.verdict.empty() ? "" : "; ", begins,
                               shards_text(shards, does.size()), ends);
  };
  add(Does::tells, "it tells the changes of", "");
  add(Does::stands_by, "another process tells those of", ", and it stands by");
  add(Does::cannot, "it cannot tell those of", ", and knows of nobody who does");
  now.next = "Nothing to do.";
  for (const auto& one : warnings)
    now.warning += (now.warning.empty() ? "" : "; also: ") + one.text;
  if (!now.warning.empty()) now.next = "Look at its warning and its log.";
  const std::int64_t now_ns = clock_.now_ns();
  const std::lock_guard lock(mutex_);
  why_ = now;
  if (history_.is_due(now_ns)) history_.add(now_ns, now);
}

model::Why RelayWhy::why() const {
  const std::lock_guard lock(mutex_);
  return why_;
}

model::Process RelayWhy::process() const {
  model::Process process = process_;
  process.now_us = clock_.wall_us();
  process.started_us = process.now_us - (clock_.now_ns() - started_ns_) / 1'000;
  return process;
}

model::WhyPast RelayWhy::why_since(std::int64_t from_us) const {
  const std::lock_guard lock(mutex_);
  return history_.since(from_us, {clock_.now_ns(), clock_.wall_us()});
}

model::WhyPast RelayWhy::why_at(std::int64_t at_us) const {
  const std::lock_guard lock(mutex_);
  return history_.at(at_us, {clock_.now_ns(), clock_.wall_us()});
}

}  // namespace hunt::apps
