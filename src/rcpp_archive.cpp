// Named entries of a model file between R and the archive: numeric vectors and raw vectors of text, by name.
#include "core/base/archive.hpp"
#include "glue.hpp"

using fatefield::Archive;
namespace glue = fatefield::glue;

// entries: named list of numeric vectors (kept as 1-D arrays) and raw vectors (kept as text).
// [[Rcpp::export(rng = false)]]
Rcpp::RawVector archive_pack(const Rcpp::List& entries) {
  return glue::guarded([&] {
    const Rcpp::CharacterVector names = entries.names();
    Archive archive;
    for (R_xlen_t i = 0; i < entries.size(); ++i) {
      const std::string name = Rcpp::as<std::string>(names[i]);
      const SEXP value = entries[i];
      if (TYPEOF(value) == RAWSXP) {
        archive.put(name, glue::from_raw(value));
        continue;
      }
      const Rcpp::NumericVector x(value);
      archive.put(name, {x.begin(), x.end()}, {static_cast<std::int64_t>(x.size())});
    }
    return glue::to_raw(archive.bytes());
  });
}

// The inverse of archive_pack(); `argument` is the user's name of the bytes, for the error.
// [[Rcpp::export(rng = false)]]
Rcpp::List archive_unpack(const Rcpp::RawVector& bytes, const std::string& argument) {
  return glue::guarded([&] {
    const Archive archive = Archive::parse(glue::from_raw(bytes), argument);
    const std::vector<std::string> names = archive.names();
    Rcpp::List out(names.size());
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (archive.has_text(names[i])) {
        out[i] = glue::to_raw(archive.text(names[i]));
        continue;
      }
      const std::vector<double>& values = archive.numbers(names[i]).values;
      out[i] = Rcpp::NumericVector(values.begin(), values.end());
    }
    out.names() = Rcpp::CharacterVector(names.begin(), names.end());
    return out;
  });
}

// Stops with a file error unless the bytes are a whole archive.
// [[Rcpp::export(rng = false)]]
void archive_check(const Rcpp::RawVector& bytes, const std::string& argument) {
  glue::guarded([&] { Archive::parse(glue::from_raw(bytes), argument); });
}
