// The target in this process: a whole node on a store in a temporary folder, gone with it.
#include <stdlib.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "node/node.h"
#include "rush/target.h"

namespace hunt::rush {

namespace {

constexpr model::WorldId demo = 1;

// Owns a folder and what is in it.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::error_code error;
    path_ = (std::filesystem::temp_directory_path(error) / "hunt-rush-XXXXXX").string();
    if (mkdtemp(path_.data()) == nullptr) path_.clear();
  }
  ~TemporaryFolder() {
    std::error_code error;
    if (!path_.empty()) std::filesystem::remove_all(path_, error);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  std::string path_;
};

class InprocTarget final : public RushTarget {
 public:
  explicit InprocTarget(const TargetOptions& options) : options_(options) {}
  ~InprocTarget() override {
    if (node_ != nullptr) node_->stop();
  }

  Result<void> open() {
    if (folder_.path().empty()) {
      return fail(Errc::io, std::string("cannot make a temporary folder for the store: ") +
                                std::strerror(errno));
    }
    node::NodeOptions node;
    node.stores = {node::StoreUrl::sqlite(folder_.path() + "/hunt.db")};
    node.rules_path = options_.rules_path;
    node.listen = "127.0.0.1:0";
    node.seed = options_.seed;
    HUNT_TRY(opened, node::Node::open(std::move(node)));
    node_ = std::move(opened);
    return node_->start();
  }

  MakeAsker make_asker() override {
    return [this](boost::asio::any_io_executor lane) {
      return node_->hub().endpoint(std::move(lane));
    };
  }
  Result<void> connect(node::Lane&) override { return {}; }
  void close(node::Lane&) override {}
  void set_claims(DriverOptions&) const override {}

  Result<model::WorldStats> world_stats() override {
    return node_->lane(0).run(node_->store().world_stats(demo));
  }
  Result<void> bury(std::vector<model::Burial> burials) override {
    HUNT_CHECK(node_->lane(0).run(node_->store().bury(demo, std::move(burials))));
    return {};
  }
  // The demo world's is known to who buried it.
  Result<std::vector<model::Burial>> loot() override { return std::vector<model::Burial>{}; }
  Result<void> warm(model::TileRect rect) override { return node_->prewarm(demo, rect); }

  std::optional<bool> is_granted(model::ClaimId claim) override {
    const auto grant = node_->lane(0).run(node_->store().find_grant(claim));
    if (!grant) return {};
    return grant->has_value() && !(*grant)->aborted;
  }
  std::optional<model::Stats> stats() override { return node_->observer().stats(); }
  std::optional<Bottleneck> bottleneck() override { return bottleneck_of(node_->observer().why()); }
  std::optional<Cpu> cpu() override {
    const std::int64_t serve_ns = node_->serve_cpu_ns();
    return Cpu{serve_ns, node::process_cpu_ns() - serve_ns};
  }

 private:
  const TargetOptions options_;
  TemporaryFolder folder_;
  std::unique_ptr<node::Node> node_;
};

}  // namespace

Result<std::unique_ptr<RushTarget>> open_inproc_target(const TargetOptions& options) {
  auto target = std::make_unique<InprocTarget>(options);
  HUNT_CHECK(target->open());
  return target;
}

}  // namespace hunt::rush
