// SimulateCycle(): cells that go round, with known velocities.
#include "core/sim/cycle.hpp"
#include "glue.hpp"

using namespace fatefield;

// Clones count from 1; matrices are genes x cells.
// [[Rcpp::export(rng = false)]]
Rcpp::List cpp_simulate_cycle(const Rcpp::List& design, double seed, int threads) {
  return glue::guarded([&] {
    const ThreadScope scope(threads);
    const auto number = [&](const char* name) { return Rcpp::as<double>(design[name]); };
    const auto count = [&](const char* name) { return static_cast<std::int64_t>(number(name)); };
    const Cycle x =
        simulate_cycle({count("n.cells"), count("n.genes"), count("n.clones"),
                        Rcpp::as<std::vector<double>>(design["days"]), number("turns"), number("spread"),
                        number("clone.spread"), number("dispersion"), number("library.spread")},
                       static_cast<std::uint64_t>(seed));
    Rcpp::IntegerVector clone(x.clone.begin(), x.clone.end());
    clone = clone + 1;
    return Rcpp::List::create(
        Rcpp::_["genes"] = Rcpp::List::create(Rcpp::_["top"] = x.top, Rcpp::_["phase"] = x.phase,
                                              Rcpp::_["beta"] = x.beta, Rcpp::_["gamma"] = x.gamma),
        Rcpp::_["angle"] = x.angle, Rcpp::_["radius"] = x.radius, Rcpp::_["time"] = x.time,
        Rcpp::_["library"] = x.library, Rcpp::_["clone"] = clone,
        Rcpp::_["unspliced"] = glue::to_r(x.unspliced), Rcpp::_["spliced"] = glue::to_r(x.spliced),
        Rcpp::_["velocity"] = glue::to_r(x.velocity),
        Rcpp::_["unspliced.counts"] = glue::to_r(x.unspliced_counts),
        Rcpp::_["spliced.counts"] = glue::to_r(x.spliced_counts));
  });
}
