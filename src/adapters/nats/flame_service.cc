#include "adapters/nats/flame_service.h"

#include <fmt/format.h>

#include <chrono>
#include <cstdlib>
#include <utility>

#include "adapters/nats/ask_service.h"
#include "adapters/nats/link.h"
#include "adapters/nats/payload.h"
#include "adapters/nats/signer.h"
#include "codec/folded.h"
#include "codec/gzip.h"
#include "codec/why_reader.h"

namespace hunt::nats {

namespace asio = boost::asio;

std::string signed_question(std::string_view reply_to, std::string_view body) {
  return fmt::format("{}\n{}", reply_to, body);
}

struct FlameService::Core : std::enable_shared_from_this<FlameService::Core> {
  Core(std::shared_ptr<Link> link_in, model::Process self_in, std::string token_in,
       ports::Profiler& profiler_in)
      : link(std::move(link_in)),
        self(std::move(self_in)),
        token(std::move(token_in)),
        signer({reinterpret_cast<const std::uint8_t*>(token.data()), token.size()}),
        profiler(profiler_in) {}

  void listen() {
    subscription =
        link->subscribe(link->options().hunt.flame(), {},
                        [core = this](const MessagePtr& message) { core->take(*message); });
  }
  void take(natsMsg& message) {
    std::string reply_to(reply_of(message));
    if (left || reply_to.empty()) return;
    if (!link->may_answer(reply_to)) {
      ++link->figures().ignored;
      return;
    }
    auto question = admit(message, reply_to);
    if (!question) return refuse(reply_to, question.error());
    // How many are under way the profiler knows: one.
    spawn(link->lane(), answer(std::move(reply_to), *question));
  }
  [[nodiscard]] Result<codec::ProfileQuestion> admit(natsMsg& message, std::string_view reply_to) {
    const std::string_view body = data_of(message);
    if (body.size() > codec::profile_question_bytes_max || !signer.has_key() ||
        !signer.fits(header_of(message, signature_header), subject_of(message), {},
                     signed_question(reply_to, body))) {
      return fail(Errc::unauthorized,
                  "the question is not signed with the admin token of this process: ask with "
                  "--admin-token-file, and give all processes the same");
    }
    HUNT_TRY(question, codec::read_profile_question(body));
    if (std::abs(wall_us() - question.asked_us) > asked_ago_us_max) {
      return fail(Errc::unauthorized,
                  fmt::format("the question is of another time: the clocks of who asks and of this "
                              "process may differ by {} s",
                              asked_ago_us_max / 1'000'000));
    }
    if (question.seconds < 1 || question.seconds > ports::profile_length_max.count()) {
      return fail(Errc::invalid_argument,
                  fmt::format("seconds must be from 1 to {}, found {}",
                              ports::profile_length_max.count(), question.seconds),
                  "seconds");
    }
    return question;
  }
  [[nodiscard]] asio::awaitable<void> answer(std::string reply_to,
                                             codec::ProfileQuestion question) {
    const auto alive = shared_from_this();
    const auto profile =
        co_await profiler.take(question.kind, std::chrono::seconds(question.seconds));
    if (!profile) {
      refuse(reply_to, profile.error());
      co_return;
    }
    tell(reply_to, codec::gzip(codec::write_folded(*profile)));
  }
  void tell(const std::string& reply_to, std::string_view text) {
    const Headers headers{{process_header, codec::write_beat({self, false})}};
    if (text.size() + bytes_of(headers) <= link->message_bytes_max()) {
      link->tell(reply_to, text, headers);
      return;
    }
    refuse(reply_to,
           {Errc::too_large,
            fmt::format("the profile of {} bytes is more than the {} that the NATS server "
                        "takes: ask for fewer seconds, or this process with --url",
                        text.size(), link->message_bytes_max()),
            {}});
  }
  void refuse(const std::string& reply_to, const Error& error) {
    const Headers headers{{process_header, codec::write_beat({self, false})}};
    link->tell(reply_to, payloads.write_error(Form::json, error), headers);
  }

  const std::shared_ptr<Link> link;
  const model::Process self;
  const std::string token;
  Signer signer;
  Payloads payloads;
  ports::Profiler& profiler;
  Link::SubscriptionPtr subscription;
  bool left = false;
};

FlameService::FlameService(Connection& connection, model::Process self, std::string admin_token,
                           ports::Profiler& profiler)
    : core_(std::make_shared<Core>(connection.link(), std::move(self), std::move(admin_token),
                                   profiler)) {}

FlameService::~FlameService() {
  leave();
}

void FlameService::start() {
  core_->listen();
}

void FlameService::leave() {
  core_->left = true;
  if (core_->subscription == nullptr) return;
  core_->link->unsubscribe(core_->subscription);
  core_->subscription.reset();
}

}  // namespace hunt::nats
