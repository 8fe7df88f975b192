// operator new and delete of the program that links hunt_heap_hooks: malloc() and free(), with a
// sample of them kept (heap_sampler.h). All forms are here: those of libstdc++ would call these,
// but jemalloc, which comes before it, has its own, which would not be seen. Sanitizers have their
// own, which know more.
#include <algorithm>
#include <cstdlib>
#include <new>

#include "adapters/profile/heap_sampler.h"

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

namespace {

// As the standard wants it: whoever set a handler may find memory.
void* allocate(std::size_t bytes, std::size_t alignment, const void* caller) {
  for (;;) {
    void* memory =
        hunt::profile::hooked_allocate(std::max<std::size_t>(bytes, 1), alignment, caller);
    if (memory != nullptr) [[likely]]
      return memory;
    const std::new_handler find_memory = std::get_new_handler();
    if (find_memory == nullptr) throw std::bad_alloc();
    find_memory();
  }
}

void* try_to_allocate(std::size_t bytes, std::size_t alignment, const void* caller) noexcept {
  try {
    return allocate(bytes, alignment, caller);
  } catch (...) {  // of the handler, too
    return nullptr;
  }
}

}  // namespace

#define HUNT_CALLER __builtin_return_address(0)

void* operator new(std::size_t bytes) {
  return allocate(bytes, 0, HUNT_CALLER);
}
void* operator new[](std::size_t bytes) {
  return allocate(bytes, 0, HUNT_CALLER);
}
void* operator new(std::size_t bytes, std::align_val_t alignment) {
  return allocate(bytes, static_cast<std::size_t>(alignment), HUNT_CALLER);
}
void* operator new[](std::size_t bytes, std::align_val_t alignment) {
  return allocate(bytes, static_cast<std::size_t>(alignment), HUNT_CALLER);
}
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  return try_to_allocate(bytes, 0, HUNT_CALLER);
}
void* operator new[](std::size_t bytes, const std::nothrow_t&) noexcept {
  return try_to_allocate(bytes, 0, HUNT_CALLER);
}
void* operator new(std::size_t bytes, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return try_to_allocate(bytes, static_cast<std::size_t>(alignment), HUNT_CALLER);
}
void* operator new[](std::size_t bytes, std::align_val_t alignment,
                     const std::nothrow_t&) noexcept {
  return try_to_allocate(bytes, static_cast<std::size_t>(alignment), HUNT_CALLER);
}

void operator delete(void* memory) noexcept {
  hunt::profile::hooked_free(memory);
}
void operator delete[](void* memory) noexcept {
  hunt::profile::hooked_free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  hunt::profile::hooked_free(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
  hunt::profile::hooked_free(memory);
}
void operator delete(void* memory, std::align_val_t) noexcept {
  hunt::profile::hooked_free(memory);
}
void operator delete[](void* memory, std::align_val_t) noexcept {
  hunt::profile::hooked_free(memory);
}
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
  hunt::profile::hooked_free(memory);
}
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept {
  hunt::profile::hooked_free(memory);
}
void operator delete(void* memory, const std::nothrow_t&) noexcept {
  hunt::profile::hooked_free(memory);
}
void operator delete[](void* memory, const std::nothrow_t&) noexcept {
  hunt::profile::hooked_free(memory);
}
void operator delete(void* memory, std::align_val_t, const std::nothrow_t&) noexcept {
  hunt::profile::hooked_free(memory);
}
void operator delete[](void* memory, std::align_val_t, const std::nothrow_t&) noexcept {
  hunt::profile::hooked_free(memory);
}

#endif
