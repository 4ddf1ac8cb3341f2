module attributes {transform.with_named_sequence} {
  transform.named_sequence @is_ffn(%launch: !transform.any_op {transform.readonly}) -> !transform.any_op {
    transform.et.match.launch %launch computes "linear" kernel "linear+gelu" outputs 3072 inputs 768 target "sm_90a" : !transform.any_op
    transform.yield %launch : !transform.any_op
  }
  transform.named_sequence @is_attention(%launch: !transform.any_op {transform.readonly}) -> !transform.any_op {
    transform.et.match.launch %launch computes "attention" head_size 64 target "sm_90a" : !transform.any_op
    transform.yield %launch : !transform.any_op
  }
  transform.named_sequence @small_tiles(%launch: !transform.any_op {transform.readonly}) {
    transform.et.set_schedule %launch to {kind = "wgmma", tile = array<i64: 64, 64, 64>, stages = 4} : !transform.any_op
    transform.yield
  }
  transform.named_sequence @on_mma(%launch: !transform.any_op {transform.readonly}) {
    transform.et.set_schedule %launch to {kind = "mma", key_block = 64, exact_blocks = 1, warpgroups = 1, stages = 2, blocks_per_sm = 2} : !transform.any_op
    transform.yield
  }
  transform.named_sequence @__transform_main(%module: !transform.any_op {transform.consumed}) {
    transform.foreach_match in %module @is_ffn -> @small_tiles, @is_attention -> @on_mma : (!transform.any_op) -> !transform.any_op
    transform.yield
  }
}
