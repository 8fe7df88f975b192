// The parts of Asio that are no templates, compiled once for all floors: with
// BOOST_ASIO_SEPARATE_COMPILATION (cmake/flags.cmake) no other file compiles them again.
#include <boost/asio/impl/src.hpp>
#include <boost/asio/ssl/impl/src.hpp>
