// The parts of Beast that are no templates, compiled once: see BOOST_BEAST_SEPARATE_COMPILATION.
#include <boost/beast/src.hpp>
