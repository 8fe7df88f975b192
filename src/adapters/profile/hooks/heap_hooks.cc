// operator new and delete of the program that links hunt_heap_hooks: malloc() and free(), with a
// sample of them kept (heap_sampler.h). The forms that are not here call these, as libstdc++ makes
// them. Sanitizers have their own, which know more.
#include <algorithm>
#include <cstdlib>
#include <new>

#include "adapters/profile/heap_sampler.h"

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

namespace {

// As the standard wants it: whoever set a handler may find memory.
void* allocate(std::size_t bytes, std::size_t alignment, const void* caller) {
  for (;;) {
    void* memory = hunt::profile::hooked_allocate(bytes, alignment, caller);
    if (memory != nullptr) [[likely]]
      return memory;
    const std::new_handler find_memory = std::get_new_handler();
    if (find_memory == nullptr) throw std::bad_alloc();
    find_memory();
  }
}

}  // namespace

void* operator new(std::size_t bytes) {
  return allocate(std::max<std::size_t>(bytes, 1), 0, __builtin_return_address(0));
}
void* operator new(std::size_t bytes, std::align_val_t alignment) {
  return allocate(std::max<std::size_t>(bytes, 1), static_cast<std::size_t>(alignment),
                  __builtin_return_address(0));
}
void operator delete(void* memory) noexcept {
  hunt::profile::hooked_free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  hunt::profile::hooked_free(memory);
}
void operator delete(void* memory, std::align_val_t) noexcept {
  hunt::profile::hooked_free(memory);
}

#endif
