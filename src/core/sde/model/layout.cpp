// Takes options and dimensions; gives the shapes of the networks, or errors that name the option.
#include "sde/model/layout.hpp"

#include <cmath>
#include <string>

#include "base/error.hpp"

namespace fatefield {
namespace {

DiffusionKind parse_diffusion(const std::string& name) {
  if (name == "none") return DiffusionKind::None;
  if (name == "diagonal") return DiffusionKind::Diagonal;
  if (name == "scalar") return DiffusionKind::Scalar;
  if (name == "lowrank") return DiffusionKind::LowRank;
  if (name == "rank1") return DiffusionKind::Rank1;
  throw input_error("diffusion",
                    "`diffusion` is \"" + name +
                        "\"; \"diagonal\", \"scalar\", \"lowrank\", \"none\" or \"rank1\" is needed.");
}

bool parse_potential(const std::string& name) {
  if (name == "potential") return true;
  if (name == "forward") return false;
  throw input_error("drift", "`drift` is \"" + name + "\"; \"potential\" or \"forward\" is needed.");
}

bool parse_compat(const std::string& name) {
  if (name == "scdiffeq") return true;
  if (name == "none") return false;
  throw input_error("compat", "`compat` is \"" + name + "\"; \"none\" or \"scdiffeq\" is needed.");
}

std::int64_t checked_rank(DiffusionKind kind, const SdeOptions& o, std::int64_t dims) {
  if (kind != DiffusionKind::LowRank) return 1;
  if (o.diffusion_rank >= 1 && o.diffusion_rank <= dims) return o.diffusion_rank;
  throw input_error("diffusion.rank", "`diffusion.rank` is " + std::to_string(o.diffusion_rank) +
                                          "; a number from 1 to the dimensions, " + std::to_string(dims) +
                                          ", is needed.");
}

std::int64_t diffusion_outputs(DiffusionKind kind, std::int64_t rank, std::int64_t dims) {
  return kind == DiffusionKind::Scalar ? 1 : dims * rank;
}

MlpShape checked(const char* prefix, MlpShape shape) {
  for (std::int64_t width : shape.hidden) {
    if (width >= 1) continue;
    const std::string argument = std::string(prefix) + ".hidden";
    throw input_error(
        argument, "`" + argument + "` holds the width " + std::to_string(width) + "; at least 1 is needed.");
  }
  return shape;
}

}  // namespace

SdeLayout::SdeLayout(const SdeOptions& o, std::int64_t d)
    : dims(d),
      potential(parse_potential(o.drift)),
      growth(o.growth),
      time_input(o.time_input),
      published(parse_compat(o.compat)),
      kind(parse_diffusion(o.diffusion)),
      rank(checked_rank(kind, o, d)),
      drift_net(checked("drift", {d + o.time_input, o.drift_hidden, potential ? 1 : d, !potential,
                                  parse_activation(o.drift_activation, "drift.activation")})),
      diffusion_net(
          checked("diffusion", {d + o.time_input, o.diffusion_hidden, diffusion_outputs(kind, rank, d), true,
                                parse_activation(o.diffusion_activation, "diffusion.activation")})),
      growth_net(checked("growth", {d + o.time_input, o.growth_hidden, 1, true, Activation::Softplus})) {
  if (d < 1) throw input_error("dims", "A neural SDE needs at least one dimension.");
  if (!(o.diffusion_init > 0.0) || !std::isfinite(o.diffusion_init)) {
    throw input_error("diffusion.init", "`diffusion.init` must be a positive number.");
  }
  if (!(o.dropout >= 0.0 && o.dropout < 1.0)) {
    throw input_error("dropout", "`dropout` is " + std::to_string(o.dropout) +
                                     "; a probability of at least 0 and below 1 is needed.");
  }
}

}  // namespace fatefield
