#include "adapters/profile/unwinder.h"

#include <cxxabi.h>
#include <elfutils/libdwfl.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <map>
#include <utility>

#include "adapters/profile/symbol_table.h"
#include "base/text.h"

namespace hunt::profile {

namespace {

std::string demangled(const char* name) {
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> text(
      abi::__cxa_demangle(name, nullptr, nullptr, &status), std::free);
  return status == 0 ? text.get() : name;
}

// One word of the copied stack.
bool word_at(const StackSample& sample, std::uint64_t address, std::uint64_t& word) {
  const std::uint64_t begin = sample.registers[register_stack];
  if (address < begin || address - begin + sizeof word > sample.stack.size()) return false;
  std::memcpy(&word, sample.stack.data() + (address - begin), sizeof word);
  return true;
}

std::uint64_t address_of_ours() {
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): an address as a number
  return reinterpret_cast<std::uint64_t>(&demangled);
}

// An upgrade may have put another build where the program lay when it was started: its symbols
// would be of other code. The kernel keeps the one that runs.
int find_elf(Dwfl_Module* module, void** own, const char* name, Dwarf_Addr base, char** file,
             Elf** elf) {
  Dwarf_Addr begin = 0;
  Dwarf_Addr end = 0;
  dwfl_module_info(module, nullptr, &begin, &end, nullptr, nullptr, nullptr, nullptr);
  if (address_of_ours() >= begin && address_of_ours() < end) {
    const int running = ::open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    if (running >= 0) {
      *file = ::strdup(name);
      return running;
    }
  }
  return dwfl_linux_proc_find_elf(module, own, name, base, file, elf);
}

// `own` is the FindDebugFile of the unwinder.
int find_debug_file(Dwfl_Module* module, void** own, const char* name, Dwarf_Addr base,
                    const char* file, const char* link, GElf_Word checksum, char** found) {
  const int here =
      dwfl_standard_find_debuginfo(module, own, name, base, file, link, checksum, found);
  const auto* elsewhere = static_cast<const FindDebugFile*>(*own);
  if (here >= 0 || elsewhere == nullptr || !*elsewhere) return here;
  const unsigned char* bits = nullptr;
  GElf_Addr at = 0;
  const int count = dwfl_module_build_id(module, &bits, &at);
  return count > 0 ? (*elsewhere)(to_hex({bits, static_cast<std::size_t>(count)})) : here;
}

int own_of_module(Dwfl_Module* /*module*/, void** own, const char* /*name*/, Dwarf_Addr /*base*/,
                  void* elsewhere) {
  *own = elsewhere;
  return DWARF_CB_OK;
}

}  // namespace

struct Unwinder::Parts {
  FindDebugFile elsewhere;
  Dwfl_Callbacks callbacks{};
  Dwfl* dwfl = nullptr;
  std::uint64_t program_begin = 0;  // of the code that keeps frame pointers
  std::uint64_t program_end = 0;
  const StackSample* sample = nullptr;  // the one being unwound
  std::vector<std::uint64_t>* out = nullptr;
  std::uint64_t frame_pointer = 0;  // where a caller of ours was reached; 0: none was
  bool ended = false;
  std::map<Dwfl_Module*, SymbolTable> symbols;  // of the files that were asked about

  ~Parts() {
    if (dwfl != nullptr) dwfl_end(dwfl);
  }
  [[nodiscard]] bool is_ours(std::uint64_t address) const {
    return address >= program_begin && address < program_end;
  }
  [[nodiscard]] bool follow_frame_pointers(std::uint64_t frame);
  void reach_our_code();
  static int on_frame(Dwfl_Frame* frame, void* parts);
};

// Each frame begins with the frame pointer of its caller, and the address to return to.
bool Unwinder::Parts::follow_frame_pointers(std::uint64_t frame) {
  while (out->size() < frames_max) {
    std::uint64_t next = 0;
    std::uint64_t back = 0;
    if (!word_at(*sample, frame, next) || !word_at(*sample, frame + 8, back)) return false;
    if (back == 0) return true;
    out->push_back(back - 1);  // of the call, not of what comes after it
    if (next == 0) return true;
    if (next <= frame) return false;
    // A library does not keep the chain; what it was called by does.
    frame = next;
  }
  return false;
}

int Unwinder::Parts::on_frame(Dwfl_Frame* frame, void* argument) {
  auto& parts = *static_cast<Parts*>(argument);
  Dwarf_Addr code = 0;
  bool activation = false;
  if (!dwfl_frame_pc(frame, &code, &activation) || parts.out->size() >= frames_max)
    return DWARF_CB_ABORT;
  const std::uint64_t at = activation ? code : code - 1;
  parts.out->push_back(at);
  // A function that calls none may have no frame yet, or not any more: its caller has.
  if (activation || !parts.is_ours(at)) return DWARF_CB_OK;
  Dwarf_Word pointer = 0;
  if (dwfl_frame_reg(frame, register_frame, &pointer) == 0) parts.frame_pointer = pointer;
  return DWARF_CB_ABORT;
}

void Unwinder::Parts::reach_our_code() {
  frame_pointer = 0;
  ended = dwfl_getthread_frames(dwfl, sample->thread, &Parts::on_frame, this) == 0;
}

Result<std::unique_ptr<Unwinder>> Unwinder::open(FindDebugFile elsewhere) {
  auto parts = std::make_unique<Parts>();
  parts->elsewhere = std::move(elsewhere);
  parts->callbacks.find_elf = &find_elf;
  parts->callbacks.find_debuginfo = &find_debug_file;
  parts->dwfl = dwfl_begin(&parts->callbacks);
  const auto failed = [](const char* what) {
    return fail(Errc::unsupported, fmt::format("{}: {}", what, dwfl_errmsg(-1)));
  };
  if (parts->dwfl == nullptr) return failed("no unwinder");
  if (dwfl_linux_proc_report(parts->dwfl, ::getpid()) != 0 ||
      dwfl_report_end(parts->dwfl, nullptr, nullptr) != 0)
    return failed("the files of this process");
  dwfl_getmodules(parts->dwfl, &own_of_module, &parts->elsewhere, 0);
  if (Dwfl_Module* program = dwfl_addrmodule(parts->dwfl, address_of_ours())) {
    Dwarf_Addr begin = 0;
    Dwarf_Addr end = 0;
    dwfl_module_info(program, nullptr, &begin, &end, nullptr, nullptr, nullptr, nullptr);
    parts->program_begin = begin;
    parts->program_end = end;
  }
  static constexpr Dwfl_Thread_Callbacks reading = {
      .next_thread = [](Dwfl*, void*, void**) -> pid_t { return 0; },
      .get_thread = [](Dwfl*, pid_t, void* argument, void** thread) -> bool {
        *thread = argument;
        return true;
      },
      .memory_read = [](Dwfl*, Dwarf_Addr address, Dwarf_Word* word, void* argument) -> bool {
        std::uint64_t value = 0;
        if (!word_at(*static_cast<Parts*>(argument)->sample, address, value)) return false;
        *word = value;
        return true;
      },
      .set_initial_registers = [](Dwfl_Thread* thread, void* argument) -> bool {
        const Registers& all = static_cast<Parts*>(argument)->sample->registers;
        return dwfl_thread_state_registers(thread, 0, static_cast<unsigned>(all.size()),
                                           all.data());
      },
      .detach = nullptr,
      .thread_detach = nullptr,
  };
  if (!dwfl_attach_state(parts->dwfl, nullptr, ::getpid(), &reading, parts.get()))
    return failed("the state of threads");
  return std::unique_ptr<Unwinder>(new Unwinder(std::move(parts)));
}

Unwinder::Unwinder(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Unwinder::~Unwinder() = default;

bool Unwinder::addresses(const StackSample& sample, std::vector<std::uint64_t>& out) {
  out.clear();
  parts_->sample = &sample;
  parts_->out = &out;
  parts_->reach_our_code();
  if (out.empty()) out.push_back(sample.registers[register_code]);
  if (parts_->frame_pointer != 0) return parts_->follow_frame_pointers(parts_->frame_pointer);
  return parts_->ended;
}

std::string name_of_none(const std::string& module) {
  return fmt::format("[{}]", std::filesystem::path(module).filename().string());
}

model::ProfileFrame Unwinder::frame_at(std::uint64_t address) {
  model::ProfileFrame frame;
  frame.address = address;
  Dwfl_Module* module = dwfl_addrmodule(parts_->dwfl, address);
  if (module == nullptr) {
    frame.name = "[unknown]";
    return frame;
  }
  const char* file =
      dwfl_module_info(module, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr);
  frame.module = file == nullptr ? "" : file;
  const SymbolTable& symbols = parts_->symbols.try_emplace(module, module).first->second;
  const char* name = symbols.name_at(address);
  frame.name = name != nullptr ? demangled(name) : name_of_none(frame.module);
  return frame;
}

std::string Unwinder::program() {
  Dwfl_Module* module = dwfl_addrmodule(parts_->dwfl, parts_->program_begin);
  if (module == nullptr) return {};
  const char* file =
      dwfl_module_info(module, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr);
  return file == nullptr ? "" : file;
}

}  // namespace hunt::profile
