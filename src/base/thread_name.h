// name_thread(): the name by which top, a debugger and a profile show the calling thread.
//
// Not an identity: several may have the same. Linux keeps 15 characters.
#pragma once
#include <pthread.h>

namespace hunt {

inline void name_thread(const char* name) noexcept {
  (void)::pthread_setname_np(::pthread_self(), name);
}

}  // namespace hunt
