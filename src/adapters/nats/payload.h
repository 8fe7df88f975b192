// Payloads: batches and their answers as they travel over NATS: JSON when the first byte is '{',
// else FlatBuffers (hunt.fbs).
//
// Not the subjects. An answer has the form of its question. Errors have the codes of the HTTP half.
// Keeps its buffers between calls. Thread: one at a time.
#pragma once
#include <boost/asio/awaitable.hpp>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "codec/flat_batch.h"
#include "codec/flat_change.h"
#include "codec/json_answers.h"
#include "codec/json_requests.h"
#include "model/batch.h"

namespace hunt::nats {

// The id of a world that a message names. Errors: not_found, or those of the store.
using FindWorld = std::function<boost::asio::awaitable<Result<model::WorldId>>(std::string name)>;

enum class Form : std::uint8_t { json, flat };

[[nodiscard]] inline Form form_of(std::string_view bytes) noexcept {
  return bytes.starts_with('{') ? Form::json : Form::flat;
}

class Payloads {
 public:
  // Bound: limits::body_bytes_max, looked at before anything else. Errors: invalid_argument,
  // too_large.
  [[nodiscard]] Result<codec::PositionsRequest> read_request(
      std::string_view bytes, codec::Carrier carrier = codec::Carrier::http);
  // The answer to so many positions, or the error in its place. Errors also: corrupt.
  [[nodiscard]] Result<model::BatchReply> read_answer(std::string_view bytes,
                                                      std::size_t positions);
  // One of the parts in which the outcomes of a stored batch may be told.
  struct Part {
    model::BatchReply reply;
    std::uint32_t part = 1;   // from 1
    std::uint32_t parts = 1;  //
  };
  [[nodiscard]] Result<Part> read_part(std::string_view bytes);

  // What these return is valid until the next call of any of them.
  [[nodiscard]] std::string_view write_request(const codec::PositionsRequest& request);
  [[nodiscard]] std::string_view write_answer(Form form, const model::Batch& batch,
                                              const model::BatchReply& reply);
  [[nodiscard]] std::string_view write_error(Form form, const Error& error);
  // The outcomes of the positions from `begin` to `end` as part of so many, in JSON.
  [[nodiscard]] std::string_view write_part(const model::Batch& batch,
                                            const model::BatchReply& reply, std::size_t begin,
                                            std::size_t end, std::uint32_t part,
                                            std::uint32_t parts);

 private:
  codec::PositionsReader json_requests_;
  codec::AnswersReader json_answers_;
  codec::FlatWriter flat_;
  codec::FlatChangeWriter flat_errors_;
  std::string json_;
};

// The least that an answer to so many positions has.
[[nodiscard]] std::size_t answer_bytes_min(Form form, std::size_t positions) noexcept;

// What JetStream says to a message that `stream` was to store: {"stream","seq"} or {"error":{…}}.
// Returns the message's number. Errors: overloaded (the stream is full), unavailable (anything
// else, another stream's answer too: it was not stored).
[[nodiscard]] Result<std::uint64_t> read_ack(std::string_view body, std::string_view stream);

}  // namespace hunt::nats
