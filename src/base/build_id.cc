#include "base/build_id.h"

#include <elf.h>
#include <fmt/format.h>
#include <link.h>

#include <cstddef>
#include <cstring>

namespace hunt {

namespace {

constexpr std::size_t padded(std::size_t bytes) {
  return (bytes + 3) / 4 * 4;
}

// One part of the program's notes: each has a head, a name and what it tells, both padded.
void read_notes(const char* at, std::size_t left, std::string& id) {
  ElfW(Nhdr) note;
  while (left >= sizeof note) {
    std::memcpy(&note, at, sizeof note);
    const std::size_t bytes = sizeof note + padded(note.n_namesz) + padded(note.n_descsz);
    if (bytes > left) return;
    const char* name = at + sizeof note;
    if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == sizeof ELF_NOTE_GNU &&
        std::memcmp(name, ELF_NOTE_GNU, sizeof ELF_NOTE_GNU) == 0) {
      const char* bits = name + padded(note.n_namesz);
      for (std::size_t i = 0; i < note.n_descsz; ++i)
        id += fmt::format("{:02x}", static_cast<unsigned char>(bits[i]));
      return;
    }
    at += bytes;
    left -= bytes;
  }
}

// The first one that the loader tells of is the program itself.
int read_program(dl_phdr_info* program, std::size_t /*bytes*/, void* id) {
  for (int i = 0; i < program->dlpi_phnum; ++i) {
    const auto& part = program->dlpi_phdr[i];
    if (part.p_type != PT_NOTE) continue;
    // NOLINTNEXTLINE(performance-no-int-to-ptr): the loader tells addresses as numbers
    read_notes(reinterpret_cast<const char*>(program->dlpi_addr + part.p_vaddr), part.p_memsz,
               *static_cast<std::string*>(id));
  }
  return 1;
}

}  // namespace

const std::string& build_id() {
  static const std::string id = [] {
    std::string made;
    dl_iterate_phdr(&read_program, &made);
    return made;
  }();
  return id;
}

}  // namespace hunt
