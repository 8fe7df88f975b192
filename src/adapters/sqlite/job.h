// Job: one call of the store on its way through a thread.
//
// Not a scheduler: queues and threads are worker.h; how the caller waits is ports/reply.h.
#pragma once
#include <functional>
#include <memory>
#include <utility>

#include "base/result.h"
#include "ports/reply.h"

namespace hunt::sqlite {

using ports::ask;
using ports::Reply;

// One call, as the threads of the store see it.
class Job {
 public:
  virtual ~Job() = default;
  // Does the work and keeps its result; may be asked to do it again after what it wrote was undone.
  // False: it failed, and what it wrote must be undone.
  [[nodiscard]] virtual bool run() = 0;
  // The error kept by a failed run.
  [[nodiscard]] virtual const Error& error() const = 0;
  // Replaces the result.
  virtual void fail_with(const Error& error) = 0;
  // Gives the result to the caller.
  virtual void finish() = 0;
};

template <class T>
class Call final : public Job {
 public:
  // `ended` is shown a result right before the caller gets it: of a write, after its commit.
  Call(std::unique_ptr<Reply<T>> reply, std::function<Result<T>()> work,
       std::function<void(Result<T>&)> ended = {})
      : reply_(std::move(reply)), work_(std::move(work)), ended_(std::move(ended)) {}
  [[nodiscard]] bool run() override {
    result_ = work_();
    return result_.has_value();
  }
  [[nodiscard]] const Error& error() const override { return result_.error(); }
  void fail_with(const Error& error) override { result_ = tl::unexpected<Error>(error); }
  void finish() override {
    if (ended_) ended_(result_);
    reply_->give(std::move(result_));
  }

 private:
  std::unique_ptr<Reply<T>> reply_;
  std::function<Result<T>()> work_;
  std::function<void(Result<T>&)> ended_;
  Result<T> result_ = fail(Errc::internal, "the store did not run the call; please report this");
};

}  // namespace hunt::sqlite
