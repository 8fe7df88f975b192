// StreamTest: LaneTest with clients of /v1/stream, and grants that are told to them.
//
// Not for production. After run() what a stream has lent comes back at once, after run_lane() a
// lane of its own answers.
#pragma once
#include <gtest/gtest.h>

#include <boost/asio/post.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/websocket.hpp>
#include <future>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "adapters/http/lane_test_support.h"
#include "codec/json_answers.h"
#include "codec/ws_frame.h"

namespace hunt::http {

namespace websocket = boost::beast::websocket;

inline model::Grant grant_at(std::uint64_t cursor) {
  model::Grant grant;
  grant.cursor = cursor;
  grant.claim = {7, cursor};
  grant.world = 1;
  grant.tile = model::tile_id_of({10, -3});
  grant.reward = "lamp";
  grant.rules = "0011223344556677";
  return grant;
}

class StreamTest : public LaneTest {
 protected:
  using Client = websocket::stream<tcp::socket>;

  Client open(std::string target = "/v1/stream") {
    Client client(client_loop);
    client.next_layer() = connect();
    client.handshake("localhost", target);
    return client;
  }
  // Why the handshake was refused.
  HttpResponse refused(std::string target, std::string_view header, std::string_view value) {
    Client client(client_loop);
    client.next_layer() = connect();
    client.set_option(websocket::stream_base::decorator([=](websocket::request_type& request) {
      if (!header.empty()) {
        request.set(std::string(header), std::string(value));
      }
    }));
    websocket::response_type response;
    boost::system::error_code error;
    client.handshake(response, "localhost", target, error);
    EXPECT_TRUE(error);
    return {response.result_int(), "", response.body()};
  }
  static std::string next(Client& client) {
    boost::beast::flat_buffer buffer;
    client.read(buffer);
    return boost::beast::buffers_to_string(buffer.data());
  }
  static std::string ask(Client& client, std::string message) {
    client.write(asio::buffer(message));
    return next(client);
  }
  // A whole message as a client sends it, with a mask that changes nothing. For what a thread of
  // its own sends, while another one reads.
  static std::string frame_of(const std::string& message) {
    std::string frame;
    codec::append_text_head(frame, message.size());
    frame[1] = static_cast<char>(static_cast<unsigned char>(frame[1]) | 0x80U);
    return frame + std::string(4, '\0') + message;
  }
  // On the lane, as the node does.
  void tell(std::vector<model::ClaimEvent> events) {
    std::promise<void> done;
    asio::post(lane, [&] {
      server->on_claims(events);
      done.set_value();
    });
    done.get_future().wait();
  }
  void commit_and_tell(std::uint64_t from, std::uint64_t to) {
    std::promise<void> done;
    asio::post(lane, [&] {
      std::vector<model::ClaimEvent> events;
      for (auto cursor = from; cursor <= to; ++cursor) {
        store.grants.push_back(grant_at(cursor));
        events.push_back(model::event_of(store.grants.back()));
      }
      server->on_claims(events);
      done.set_value();
    });
    done.get_future().wait();
  }
  // Reads grants until `last`; every one must follow the one before.
  static void expect_run(Client& client, std::uint64_t first, std::uint64_t last) {
    codec::AnswersReader reader;
    for (auto cursor = first; cursor <= last; ++cursor) {
      const auto answer = reader.parse(next(client));
      ASSERT_TRUE(answer.has_value());
      const auto* event = std::get_if<model::ClaimEvent>(&answer->content);
      ASSERT_NE(event, nullptr);
      ASSERT_EQ(event->cursor, cursor);
      ASSERT_EQ(event->claim, (model::ClaimId{7, cursor}));
    }
  }
};

}  // namespace hunt::http
