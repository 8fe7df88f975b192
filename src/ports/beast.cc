// The parts of Beast that are no templates, compiled once for all floors: see
// BOOST_BEAST_SEPARATE_COMPILATION.
#include <boost/beast/src.hpp>
