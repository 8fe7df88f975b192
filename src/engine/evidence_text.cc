#include "engine/evidence_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "base/text.h"
#include "engine/tail.h"

namespace hunt::engine {

namespace {

constexpr std::string_view first_line = "hunt evidence 1";

// Every field has its name once, for whoever writes and whoever reads.
template <class Visit>
void visit(Visit& of, const std::string& prefix, InStore& told) {
  of(prefix + ".told", told.told_ns);
  of(prefix + ".lock", told.lock_ns);
  of(prefix + ".exec", told.exec_ns);
  of(prefix + ".commit", told.commit_ns);
  of(prefix + ".thread", told.thread_ns);
  of(prefix + ".shard", told.shard);
  of(prefix + ".longest", told.longest_ns);
}

template <class Visit>
void visit(Visit& of, Timeline& timeline) {
  for (const auto& stage : model::stages) {
    of(std::string(stage.name), timeline.stages_ns[static_cast<std::size_t>(stage.stage)]);
  }
  visit(of, "load", timeline.load);
  visit(of, "grant", timeline.grant);
  of("fill_wait", timeline.fill_wait_ns);
  of("fill_longest", timeline.fill_longest_ns);
  of("fill_shard", timeline.fill_shard);
  of("bus_way", timeline.bus_way_ns);
  of("starved", timeline.starved_ns);
  of("telling", timeline.telling_ns);
}

template <class Visit>
void visit(Visit& of, Probe& probe) {
  of("newest", probe.newest_ns);
  of("open", probe.open_ns);
  of("age", probe.age_ns);
  of("locked", probe.locked);
  of("committing", probe.committing);
  of("strangers", probe.strangers);
  of("tells_holders", probe.tells_holders);
}

template <class Visit>
void visit(Visit& of, Failures& failures) {
  of("count", failures.count);
  of("error", failures.error);
  of("cause", failures.cause);
  of("breaks", failures.breaks);
}

template <class Visit>
void visit(Visit& of, NotTold& not_told) {
  of("because", not_told.because);
  of("resource", not_told.resource);
}

template <class Visit>
void visit(Visit& of, Evidence& evidence) {
  of("cache_here", evidence.cache_here);
  of("slow_node", evidence.slow_node.address);
  of("slow_node_mean", evidence.slow_node.mean_ns);
  of("slow_node_late", evidence.slow_node.late);
  of("other_nodes", evidence.slow_node.others_ns);
  of("lane_busy", evidence.lane_busy);
  of("lane_starved", evidence.lane_starved);
  of("cpu_pressure", evidence.cpu_pressure);
  of("lane_stalled", evidence.lane_stalled_ns);
  of("age", evidence.age_ns);
  of("lane_still", evidence.lane_still);
  of("lane_still_ns", evidence.lane_still_ns);
  of("front_busy", evidence.front_busy);
  of("front_starved", evidence.front_starved);
  of("front_stalled", evidence.front_stalled_ns);
  of("lane_count", evidence.lane_count);
  of("claims_waiting", evidence.claims_waiting);
  of("claims_waiting_max", evidence.claims_waiting_max);
  of("grant_calls_inflight", evidence.grant_calls_inflight);
  of("grant_calls_max", evidence.grant_calls_max);
  of("loads_inflight", evidence.loads_inflight);
  of("loads_max", evidence.loads_max);
  of("store_error", evidence.store_error);
  of("store_error_cause", evidence.store_error_cause);
  of("store_error_shard", evidence.store_error_shard);
  of("answers_before", evidence.answers_before_ns);
  of("claims_before", evidence.claims_before_ns);
}

// " key=value" of what is not 0.
class Writer {
 public:
  explicit Writer(std::string& out) : out_(out) {}
  template <class T>
  void operator()(const std::string& key, const T& value) {
    if (value == T{}) return;
    out_ += ' ';
    out_ += key;
    out_ += '=';
    add(value);
  }

 private:
  void add(const std::string& text) {
    for (const char c : text) {
      const bool plain = c > ' ' && c < 0x7f && c != '%';
      out_ += plain ? std::string(1, c) : fmt::format("%{:02x}", static_cast<unsigned char>(c));
    }
  }
  void add(bool value) { out_ += value ? '1' : '0'; }
  void add(model::Cause cause) { out_ += model::name_of(cause); }
  template <class T>
  void add(T number) {
    fmt::format_to(std::back_inserter(out_), "{}", number);
  }

  std::string& out_;
};

// The fields of one line; those that are not there are 0.
class Reader {
 public:
  explicit Reader(std::string_view line) {
    while (!line.empty()) {
      const std::string_view word = line.substr(0, line.find(' '));
      line.remove_prefix(std::min(line.size(), word.size() + 1));
      const std::size_t equals = word.find('=');
      if (equals == std::string_view::npos) continue;
      words_.emplace_back(word.substr(0, equals), word.substr(equals + 1));
    }
  }
  template <class T>
  void operator()(const std::string& key, T& value) {
    const auto word = std::find_if(words_.begin(), words_.end(),
                                   [&key](const auto& one) { return one.first == key; });
    value = T{};
    if (word != words_.end() && !read(word->second, value)) bad_ = std::string(word->first);
  }
  // The last field that could not be read, or empty.
  [[nodiscard]] const std::string& bad() const { return bad_; }

 private:
  static bool read(std::string_view text, std::string& value) {
    return percent_decode(text, value) == std::string_view::npos;
  }
  static bool read(std::string_view text, bool& value) {
    value = text == "1";
    return value || text == "0";
  }
  static bool read(std::string_view text, model::Cause& value) {
    for (std::size_t i = 0; i < model::cause_count; ++i) {
      value = static_cast<model::Cause>(i);
      if (model::name_of(value) == text) return true;
    }
    return false;
  }
  template <class T>
  static bool read(std::string_view text, T& value) {
    const auto end = std::from_chars(text.data(), text.data() + text.size(), value);
    return end.ec == std::errc() && end.ptr == text.data() + text.size();
  }

  std::vector<std::pair<std::string_view, std::string_view>> words_;
  std::string bad_;
};

template <class T>
void write_line(std::string& out, std::string_view kind, const T& value, std::size_t times = 1) {
  out += kind;
  if (times > 1) out += fmt::format(" times={}", times);
  Writer writer(out);
  T copy = value;  // one list of fields for both ways
  visit(writer, copy);
  out += '\n';
}

void write_timelines(std::string& out, std::string_view kind, std::vector<Timeline> all) {
  const std::size_t slowest = slowest_first(all);
  const std::size_t rest = all.size() - slowest;
  const std::size_t room = std::max<std::size_t>(1, evidence_lines_max - slowest);
  const std::size_t step = std::max<std::size_t>(1, (rest + room - 1) / room);
  for (std::size_t i = 0; i < slowest; ++i) write_line(out, kind, all[i]);
  for (std::size_t i = slowest; i < all.size(); i += step) {
    write_line(out, kind, all[i], std::min(step, all.size() - i));
  }
}

template <class T>
void read_into(Reader& reader, std::vector<T>& list) {
  visit(reader, list.emplace_back());
}

void read_timeline(Reader& reader, std::vector<Timeline>& list) {
  constexpr std::size_t times_max = 1'000'000;  // a guess: no file of ours has more
  std::size_t times = 0;
  reader("times", times);
  Timeline timeline;
  visit(reader, timeline);
  for (const std::int64_t ns : timeline.stages_ns) timeline.total_ns += ns;
  list.insert(list.end(), std::clamp<std::size_t>(times, 1, times_max), timeline);
}

}  // namespace

std::string write_evidence(const Evidence& evidence) {
  std::string out(first_line);
  out += '\n';
  write_line(out, "process", evidence);
  for (const auto& probe : evidence.probes) write_line(out, "probe", probe);
  for (const auto& failures : evidence.failures) write_line(out, "failures", failures);
  for (const auto& not_told : evidence.not_told) write_line(out, "not_told", not_told);
  for (const bool here : evidence.stores_here) out += here ? "store here=1\n" : "store\n";
  write_timelines(out, "answer", evidence.answers);
  write_timelines(out, "claim", evidence.claims);
  return out;
}

Result<Evidence> read_evidence(std::string_view text) {
  if (!text.starts_with(first_line)) {
    return fail(Errc::corrupt, fmt::format("this is no evidence: expected \"{}\"", first_line));
  }
  Evidence evidence;
  std::size_t number = 0;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (++number == 1) continue;
    const std::string_view kind = line.substr(0, line.find(' '));
    Reader reader(line);
    if (kind == "process") visit(reader, evidence);
    if (kind == "probe") read_into(reader, evidence.probes);
    if (kind == "failures") read_into(reader, evidence.failures);
    if (kind == "not_told") read_into(reader, evidence.not_told);
    if (kind == "store") {
      bool here = false;
      reader("here", here);
      evidence.stores_here.push_back(here);
    }
    if (kind == "answer") read_timeline(reader, evidence.answers);
    if (kind == "claim") read_timeline(reader, evidence.claims);
    if (!reader.bad().empty()) {
      return fail(Errc::corrupt,
                  fmt::format("line {} of the evidence: \"{}\" has no such value", number,
                              printable(reader.bad())),
                  printable(reader.bad()));
    }
  }
  return evidence;
}

}  // namespace hunt::engine
