#include "codec/json_why.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

namespace hunt::codec {

namespace {

double seconds(std::int64_t ns) {
  return static_cast<double>(ns) / 1e9;
}

}  // namespace

std::string write_why(const model::Why& why) {
  boost::json::object out;
  out["verdict"] = why.verdict;
  out["confident"] = why.confident;
  out["timeline"] = why.timeline;
  out["stage"] = model::name_of(why.stage);
  out["resource"] = why.resource;
  out["cause"] = model::name_of(why.cause);
  out["share"] = why.share;
  out["tail_seconds"] = seconds(why.tail_ns);
  out["tail_before_seconds"] = nullptr;
  if (why.tail_before_ns > 0) out["tail_before_seconds"] = seconds(why.tail_before_ns);
  out["samples"] = why.samples;
  out["next"] = why.next;
  out["warning"] = why.warning;
  boost::json::array stages;
  for (const auto& figures : why.stages) {
    boost::json::object one;
    one["stage"] = model::name_of(figures.stage);
    one["resource"] = figures.resource;
    one["share"] = figures.share;
    one["waited_p99"] = seconds(figures.waited_p99_ns);
    one["worked_p99"] = seconds(figures.worked_p99_ns);
    one["inflight"] = figures.inflight;
    one["limit"] = figures.limit;
    stages.push_back(std::move(one));
  }
  out["stages"] = std::move(stages);
  return boost::json::serialize(out);
}

}  // namespace hunt::codec
