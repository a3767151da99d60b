// Tried by configure: precompiled, it must serve pch_probe.cpp in place of the headers it names.
#include <vector>
