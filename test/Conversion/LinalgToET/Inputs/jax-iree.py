"""Writes the StableHLO behind ../iree with JAX; each file then goes through
iree-compile --iree-input-type=stablehlo --compile-to=input.
"""

import jax, jax.numpy as jnp, numpy as np
def emit(name, f, *shapes):
    f.__name__=name
    args=[jax.ShapeDtypeStruct(s[0] if isinstance(s,list) else s, s[1] if isinstance(s,list) else jnp.float32) for s in shapes]
    t=jax.jit(f).lower(*args).as_text()
    open(name+".stablehlo","w").write(t.replace("@main",f"@{name}"))
def attention(q,k,v):
    s=jnp.einsum("bqhd,bkhd->bhqk",q,k)/jnp.sqrt(jnp.float32(q.shape[-1]))
    return jnp.einsum("bhqk,bkhd->bqhd",jax.nn.softmax(s,axis=-1),v)
emit("jax_attention",attention,(2,16,4,8),(2,24,4,8),(2,24,4,8))
def masked(q,k,v,m):
    s=jnp.einsum("bqhd,bkhd->bhqk",q,k)*8**-0.5
    s=jnp.where(m[:,None,None,:],s,-jnp.inf)
    return jnp.einsum("bhqk,bkhd->bqhd",jax.nn.softmax(s,axis=-1),v)
emit("jax_masked_attention",masked,(2,16,4,8),(2,24,4,8),(2,24,4,8),[(2,24),jnp.bool_])
emit("jax_dot_product_attention",lambda q,k,v: jax.nn.dot_product_attention(q,k,v),(2,16,4,8),(2,24,4,8),(2,24,4,8))
emit("jax_causal_gqa",lambda q,k,v: jax.nn.dot_product_attention(q,k,v,is_causal=True),(2,16,4,8),(2,16,2,8),(2,16,2,8))
emit("jax_gelu",lambda x: jax.nn.gelu(x,approximate=False),(2,16,32))
emit("jax_gelu_tanh",lambda x: jax.nn.gelu(x),(2,16,32))
def ln(x,g,b):
    m=x.mean(-1,keepdims=True); m2=(x*x).mean(-1,keepdims=True); v=jnp.maximum(m2-m*m,0)
    return (x-m)*(jax.lax.rsqrt(v+1e-6)*g)+b   # flax's fast variance
emit("flax_layer_norm",ln,(2,16,32),(32,),(32,))
emit("jax_layer_norm",lambda x,g,b: (x-x.mean(-1,keepdims=True))/jnp.sqrt(x.var(-1,keepdims=True)+1e-5)*g+b,(2,16,32),(32,),(32,))
emit("jax_dense",lambda x,w,b: x@w+b,(2,16,32),(32,64),(64,))
